"""Published states of persons and companies; names and numbers are in the sealed part."""

from typing import ClassVar
from uuid import UUID

from chassis.events import Event


class PersonRegistered(Event):
    """A person opened an account."""

    type: ClassVar[str] = "identity.person.registered.v1"
    key: ClassVar[str] = "person_id"

    person_id: UUID
    level: str
    version: int


class PersonChanged(Event):
    """A person's assurance level or particulars changed."""

    type: ClassVar[str] = "identity.person.changed.v1"
    key: ClassVar[str] = "person_id"

    person_id: UUID
    level: str
    version: int


class CompanyChanged(Event):
    """A company was registered or changed."""

    type: ClassVar[str] = "identity.company.changed.v1"
    key: ClassVar[str] = "company_id"

    company_id: UUID
    name: str
    uscc: str
    legal_person_id: UUID
    active: bool
    version: int
