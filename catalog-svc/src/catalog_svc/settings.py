"""The settings of the catalogue alone."""

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import process_of
from chassis.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    public_max_age_seconds: int = Field(
        default=0,
        ge=0,
        description="How long caches may show a public read without asking again; 0 asks each time",
    )


def max_age(session: AsyncSession) -> int:
    settings = process_of(session).settings
    assert isinstance(settings, CatalogSettings)
    return settings.public_max_age_seconds
