"""Discovery: addresses, supported features, public keys."""

from typing import Any

from fastapi import APIRouter, Request, Response

from chassis.auth import ALGORITHM, Anyone
from chassis.database.sessions import ReadSession
from chassis.http.route import TransactionRoute
from chassis.preconditions import digest_of, public_read
from identity_svc.login import queries
from identity_svc.login.rules.scopes import WEB
from identity_svc.settings import rules

router = APIRouter(route_class=TransactionRoute, prefix="/.well-known", tags=["discovery"])

CONFIGURATION_SECONDS = 3600
KEYS_SECONDS = 60
CLAIMS = [
    *("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "sid"),
    *("name", "kind", "level", "department", "region", "roles", "post"),
]


@router.get("/openid-configuration")
async def openid_configuration(
    request: Request, response: Response, actor: Anyone, session: ReadSession
) -> dict[str, Any]:
    """OpenID Connect discovery; the issuer is the gateway's public address."""
    document = _configuration(rules(session).issuer)
    public_read(request, response, digest_of(document), CONFIGURATION_SECONDS)
    return document


@router.get("/jwks.json")
async def published_keys(
    request: Request, response: Response, actor: Anyone, session: ReadSession
) -> dict[str, Any]:
    """Keys of tokens (`identity-…`), receipts (`case-…`) and certificates (`exchange-…`)."""
    document = {"keys": await queries.all_keys(session)}
    public_read(request, response, digest_of(document), KEYS_SECONDS)
    return document


def _configuration(issuer: str) -> dict[str, Any]:
    base = issuer.rstrip("/")
    methods = ["none", "client_secret_basic", "client_secret_post"]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "token_endpoint": f"{base}/oauth2/token",
        "userinfo_endpoint": f"{base}/oauth2/userinfo",
        "revocation_endpoint": f"{base}/oauth2/revoke",
        "introspection_endpoint": f"{base}/oauth2/introspect",
        "pushed_authorization_request_endpoint": f"{base}/oauth2/par",
        "end_session_endpoint": f"{base}/oauth2/logout",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "scopes_supported": list(WEB),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": methods[1:],
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login"],
        "claims_supported": CLAIMS,
        "acr_values_supported": ["L2", "L3", "L4"],
        "ui_locales_supported": ["zh-CN", "en"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_parameter_supported": False,
    }
