"""Who may manage which item, and who may approve a guide."""

from typing import Protocol
from uuid import UUID

from catalog_svc.items.errors import ItemNotFound, NotYourDepartment, OwnSubmission
from chassis.auth import Actor


class OwnedItem(Protocol):
    item_id: UUID
    department_code: str

    @property
    def is_public(self) -> bool: ...


class SubmittedDraft(Protocol):
    submitted_by: UUID | None


def manages(actor: Actor, department_code: str) -> bool:
    if actor.has("platform_admin"):
        return True
    return actor.has("department_admin") and actor.department == department_code


def ensure_manages_department(actor: Actor, department_code: str) -> None:
    if not manages(actor, department_code):
        raise NotYourDepartment(department=department_code)


def ensure_manages(actor: Actor, item: OwnedItem) -> None:
    """An unpublished item of another department is reported as not found."""
    if manages(actor, item.department_code):
        return
    if not item.is_public:
        raise ItemNotFound(item_id=item.item_id)
    raise NotYourDepartment(department=item.department_code)


def ensure_approves(actor: Actor, draft: SubmittedDraft) -> None:
    if draft.submitted_by == actor.id:
        raise OwnSubmission
