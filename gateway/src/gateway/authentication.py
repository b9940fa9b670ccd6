"""Whose request it is, by the bearer token."""

from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.auth import TokenKeys
from chassis.errors import Unauthenticated
from gateway.context import context_of
from gateway.errors import BadToken


class Authentication:
    """Middleware: the claims of a good token; a bad one is refused before any service is asked."""

    def __init__(self, app: ASGIApp, keys: TokenKeys) -> None:
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = context_of(scope)
            header = context.fields.get(b"authorization")
            if header is not None and not context.path.startswith("/oauth2/"):
                scheme, _, token = header.decode("latin-1").partition(" ")
                # Another scheme, or no keys yet: the service decides.
                if scheme.lower() == "bearer" and self.keys.keys:
                    try:
                        context.claims = self.keys.verify(token.strip())
                    except Unauthenticated:
                        context.refusal = BadToken()
        await self.app(scope, receive, send)
