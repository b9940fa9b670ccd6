"""What only the catalogue needs to be told."""

from pydantic import Field

from chassis.settings import ServiceSettings


class CatalogSettings(ServiceSettings):
    public_max_age_seconds: int = Field(
        default=0,
        ge=0,
        description="How long caches may show a public read without asking again; 0 asks each time",
    )
