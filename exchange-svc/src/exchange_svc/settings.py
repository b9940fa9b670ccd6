"""The settings of the exchange service alone."""

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import process_of
from chassis.settings import ServiceSettings


class ExchangeSettings(ServiceSettings):
    certificate_root: str = Field(
        default="1.2.156.3005.2", description="Root of certificate codes (GB/T 36904)"
    )
    share_check_workdays: int = Field(
        default=2,
        description="Working days the authority has to check a grant request. Basis: local rules"
        " under 政务数据共享条例; verify before publication",
    )
    share_unconditional_workdays: int = Field(
        default=1,
        description="Working days for the answer where sharing is unconditional. Basis:"
        " 政务数据共享条例 (国务院令第809号); verify before publication",
    )
    share_conditional_workdays: int = Field(
        default=10,
        description="Working days the provider has for its answer. Basis: 国发〔2016〕51号,"
        " 政务数据共享条例; verify before publication",
    )


def exchange_settings(session: AsyncSession) -> ExchangeSettings:
    settings = process_of(session).settings
    assert isinstance(settings, ExchangeSettings)
    return settings
