"""Who may manage which item, and who may approve a guide."""

from catalog_svc.items.errors import ItemNotFound, NotYourDepartment, OwnSubmission
from catalog_svc.items.models import Draft, Item
from chassis.auth import Actor


def manages(actor: Actor, department_code: str) -> bool:
    if actor.has("platform_admin"):
        return True
    return actor.has("department_admin") and actor.department == department_code


def ensure_manages_department(actor: Actor, department_code: str) -> None:
    if not manages(actor, department_code):
        raise NotYourDepartment(department=department_code)


def ensure_manages(actor: Actor, item: Item) -> None:
    """What another department is still writing does not exist for this actor."""
    if manages(actor, item.department_code):
        return
    if not item.is_public:
        raise ItemNotFound(item_id=item.item_id)
    raise NotYourDepartment(department=item.department_code)


def ensure_approves(actor: Actor, draft: Draft) -> None:
    if draft.submitted_by == actor.id:
        raise OwnSubmission
