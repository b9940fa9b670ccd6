"""Published states of regions, departments and staff, which other services copy whole."""

from typing import ClassVar
from uuid import UUID

from chassis.events import Event


class RegionChanged(Event):
    """A division was added or renamed."""

    type: ClassVar[str] = "identity.region.changed.v1"
    key: ClassVar[str] = "region_code"

    region_code: str
    name: str
    level: str
    parent_code: str | None
    version: int


class DepartmentChanged(Event):
    """A department was set up, renamed, moved or closed."""

    type: ClassVar[str] = "identity.department.changed.v1"
    key: ClassVar[str] = "department_code"

    department_code: str
    name: str
    region_code: str
    active: bool
    version: int


class StaffChanged(Event):
    """A member of staff joined, left or changed duties; the name is in the sealed part."""

    type: ClassVar[str] = "identity.staff.changed.v1"
    key: ClassVar[str] = "staff_id"

    staff_id: UUID
    department_code: str | None
    region_code: str
    roles: list[str]
    post: str | None
    active: bool
    version: int
