"""Headers of the answers that several route modules give."""

from fastapi import Response

from catalog_svc.items.queries import ManagedItem
from catalog_svc.items.schemas.managing import ManagedItemOut, managed_out
from chassis.preconditions import set_tag


def managed_answer(response: Response, managed: ManagedItem) -> ManagedItemOut:
    """The item, with its tag and the address that shows it again."""
    item = managed.named.item
    set_tag(response, item.revision)
    response.headers["Content-Location"] = f"/api/v1/catalog/items/{item.item_id}"
    return managed_out(managed)
