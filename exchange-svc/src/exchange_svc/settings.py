"""What only the exchange service is told from outside."""

from pydantic import Field

from chassis.settings import ServiceSettings


class ExchangeSettings(ServiceSettings):
    certificate_root: str = Field(
        default="1.2.156.3005.2", description="Root of certificate codes (GB/T 36904)"
    )
