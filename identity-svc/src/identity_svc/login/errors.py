"""What can go wrong at the OpenID provider; its answers follow RFC 6749, 5.2, not RFC 9457.

OAuthError
├── InvalidRequest           400
│   └── RequestNotSupported
├── InvalidClient            401
├── InvalidGrant             400  wrong, expired or used code or refresh token
├── UnauthorizedClient       400
├── UnsupportedGrantType     400
├── UnsupportedResponseType  400
├── InvalidScope             400
├── LoginRequired            400
├── InvalidToken             401  RFC 6750
└── InsufficientScope        403
ServiceError (routes that manage clients)
├── NotFound
│   └── ClientNotFound
└── Conflict
    └── ClientClosed
ValueError
└── ForeignKid               a published key whose id is not its producer's
"""

from typing import ClassVar

from chassis.errors import Conflict, NotFound


class OAuthError(Exception):
    error: ClassVar[str] = "server_error"
    status: ClassVar[int] = 400

    def __init__(self, description: str) -> None:
        self.description = description
        super().__init__(f"{self.error}: {description}")


class InvalidRequest(OAuthError):
    error = "invalid_request"


class RequestNotSupported(InvalidRequest):
    error = "request_not_supported"


class InvalidClient(OAuthError):
    error = "invalid_client"
    status = 401


class InvalidGrant(OAuthError):
    error = "invalid_grant"


class UnauthorizedClient(OAuthError):
    error = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    error = "unsupported_grant_type"


class UnsupportedResponseType(OAuthError):
    error = "unsupported_response_type"


class InvalidScope(OAuthError):
    error = "invalid_scope"


class LoginRequired(OAuthError):
    error = "login_required"


class InvalidToken(OAuthError):
    error = "invalid_token"
    status = 401


class InsufficientScope(OAuthError):
    error = "insufficient_scope"
    status = 403


class ClientNotFound(NotFound):
    slug = "client-not-found"
    zh = "没有找到该接入系统。请核对编号。"
    en = "No such client. Check the id."


class ClientClosed(Conflict):
    slug = "client-closed"
    zh = "该接入系统已停用。如需恢复请重新登记。"
    en = "This client is already closed. Register a new one instead."


class ForeignKid(ValueError):
    pass
