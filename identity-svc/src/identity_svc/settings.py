"""Settings of the identity service beyond those every service has."""

from typing import cast

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import process_of
from chassis.settings import ServiceSettings


class IdentitySettings(ServiceSettings):
    access_token_seconds: int = Field(default=900, description="Life of an access token")
    code_seconds: int = Field(default=60, description="Life of an authorization code")
    sign_in_page_seconds: int = Field(
        default=900, description="How long a sign-in page can be submitted after it was opened"
    )
    pushed_request_seconds: int = Field(
        default=90, description="Life of a pushed authorization request (RFC 9126)"
    )
    refresh_days: int = Field(default=30, description="Days an unused refresh token stays valid")
    sign_in_days: int = Field(
        default=90, description="Days after which a sign-in ends, however often it was refreshed"
    )
    failures_per_name: int = Field(
        default=5, description="Failed sign-ins of one name from one address before a pause"
    )
    failures_per_name_anywhere: int = Field(
        default=100, description="Failed sign-ins of one name from all addresses before a pause"
    )
    failures_per_address: int = Field(
        default=100,
        description="Failed sign-ins from one address before a pause, all names together",
    )
    failure_window_seconds: int = Field(
        default=900,
        description="How long a failed sign-in counts, which is also the length of a pause",
    )
    sign_in_log_days: int = Field(
        default=190,
        description="Days sign-ins and failed attempts are stored. Basis: 网络安全法 第二十一条,"
        " logs for at least six months",
    )
    mandate_days: int = Field(
        default=366,
        description="Longest life of a mandate. Basis: an agent's authority is given for at most"
        " one year by default (授权委托一般不超过一年)",
    )


def rules(session: AsyncSession) -> IdentitySettings:
    """The settings of the service this session belongs to."""
    return cast("IdentitySettings", process_of(session).settings)
