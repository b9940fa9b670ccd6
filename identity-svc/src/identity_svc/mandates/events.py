"""Published states of mandates."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from chassis.events import Event


class MandateChanged(Event):
    """A mandate was offered, accepted, revoked or expired; both dates are inclusive."""

    type: ClassVar[str] = "identity.mandate.changed.v1"
    key: ClassVar[str] = "mandate_id"

    mandate_id: UUID
    company_id: UUID | None
    grantor_person_id: UUID | None
    grantee_person_id: UUID
    powers: list[str]
    item_codes: list[str]
    valid_from: date
    valid_to: date
    status: str
    version: int
