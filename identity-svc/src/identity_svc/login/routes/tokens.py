"""Routes of tokens: issue, introspect, revoke, userinfo."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Anyone, SignedIn
from chassis.database.sessions import ReadSession, WriteSession
from chassis.http.route import TransactionRoute
from identity_svc.login.errors import InvalidClient, InvalidRequest
from identity_svc.login.models import Client
from identity_svc.login.routes.forms import (
    NO_STORE,
    answers_oauth,
    describe_parameters,
    form_of,
    oauth_errors,
)
from identity_svc.login.usecases import clients, tokens

router = APIRouter(
    route_class=TransactionRoute,
    prefix="/oauth2",
    tags=["tokens"],
    responses=oauth_errors(400, 401),
)

_TOKEN_FORM = describe_parameters("form", "token", "token_type_hint client_id client_secret")


@router.post(
    "/token",
    openapi_extra=describe_parameters(
        "form",
        "grant_type",
        "client_id client_secret code redirect_uri code_verifier refresh_token scope",
    ),
)
@answers_oauth
async def issue_tokens(request: Request, actor: Anyone, session: WriteSession) -> Response:
    """Tokens for a code, a refresh token (rotated each time) or a department's client secret."""
    form = await form_of(request)
    authorization = request.headers.get("authorization")
    if form.get("grant_type") == "client_credentials":
        client, department = await clients.authenticate_system(session, form, authorization)
        answer = await tokens.for_system(session, client, department, form)
    else:
        client = await clients.authenticate(session, form, authorization)
        answer = await tokens.exchange(session, client, form)
    return JSONResponse(answer, headers=NO_STORE)


@router.post("/revoke", openapi_extra=_TOKEN_FORM)
@answers_oauth
async def revoke_token(request: Request, actor: Anyone, session: WriteSession) -> Response:
    """Revoke a token and the sign-in it came from (RFC 7009); 200 for an unknown token too."""
    client, token = await _client_and_token(request, session)
    await tokens.revoke(session, client, token)
    return JSONResponse({}, headers=NO_STORE)


@router.post("/introspect", openapi_extra=_TOKEN_FORM)
@answers_oauth
async def introspect_token(request: Request, actor: Anyone, session: ReadSession) -> Response:
    """Whether a token is active (RFC 7662); for clients that have a secret."""
    client, token = await _client_and_token(request, session)
    if client.is_public:
        raise InvalidClient("introspection is for clients with a secret")
    return JSONResponse(await tokens.introspect(session, token), headers=NO_STORE)


@router.get("/userinfo", responses=oauth_errors(403))
@answers_oauth
async def read_userinfo(request: Request, actor: SignedIn, session: ReadSession) -> Response:
    """The bearer's particulars as stored now; the name with scope `profile`."""
    return await _userinfo(request, session)


@router.post("/userinfo", responses=oauth_errors(403))
@answers_oauth
async def post_userinfo(request: Request, actor: SignedIn, session: ReadSession) -> Response:
    """The same, by POST (OpenID Connect Core 5.3.1)."""
    return await _userinfo(request, session)


async def _userinfo(request: Request, session: AsyncSession) -> Response:
    token = request.headers["authorization"].partition(" ")[2].strip()
    return JSONResponse(await tokens.userinfo(session, token), headers=NO_STORE)


async def _client_and_token(request: Request, session: AsyncSession) -> tuple[Client, str]:
    form = await form_of(request)
    client = await clients.authenticate(session, form, request.headers.get("authorization"))
    if not form.get("token"):
        raise InvalidRequest("token is missing")
    return client, form["token"]
