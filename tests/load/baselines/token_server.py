"""Authlib's own recipe: OAuth 2.0 on Flask, RS256 access tokens (RFC 9068), client in memory.

Run: gunicorn tests.load.baselines.token_server:app
"""

import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask
from joserfc.jwk import RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "bench", "alg": "RS256", "use": "sig"})


class System(ClientMixin):
    client_id, secret = "system", "secret"

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, redirect_uri):
        return False

    def check_client_secret(self, client_secret):
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_post"

    def check_response_type(self, response_type):
        return False

    def check_grant_type(self, grant_type):
        return grant_type == "client_credentials"


class Grant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_post"]  # noqa: RUF012 - Authlib's way


class Tokens(JWTBearerTokenGenerator):
    def get_jwks(self):
        return KEY  # imported once: reading it anew takes fifty times as long as signing


SYSTEM = System()
app = Flask(__name__)
server = AuthorizationServer(
    app,
    query_client=lambda client_id: SYSTEM if client_id == SYSTEM.client_id else None,
    save_token=lambda token, request: None,
)
server.register_token_generator("default", Tokens(issuer="http://bench", alg="RS256"))
server.register_grant(Grant)


@app.get("/readyz")
def ready():
    return {"at": time.time()}


@app.post("/oauth2/token")
def issue():
    return server.create_token_response()
