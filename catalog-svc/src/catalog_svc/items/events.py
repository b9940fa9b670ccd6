"""The events of the catalogue; each carries the whole present state of one item."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.events import Event


class Named(BaseModel):
    code: str
    name: str


class ItemState(Event):
    """`revision` grows with every change, `version` with every published guide (0: only listed)."""

    key: ClassVar[str] = "item_id"

    item_id: UUID
    revision: int
    version: int
    status: Literal["open", "listed", "suspended", "cancelled"]
    item_code: str
    task_code: str | None
    name: str
    task_type: str
    department: Named
    region: Named
    guide: dict[str, Any] | None


class ItemPublished(ItemState):
    """A guide was published, or an item list named the item."""

    type: ClassVar[str] = "catalog.item.published.v1"


class ItemSuspended(ItemState):
    type: ClassVar[str] = "catalog.item.suspended.v1"


class ItemResumed(ItemState):
    type: ClassVar[str] = "catalog.item.resumed.v1"


class ItemCancelled(ItemState):
    type: ClassVar[str] = "catalog.item.cancelled.v1"


EVENTS: tuple[type[Event], ...] = (ItemPublished, ItemSuspended, ItemResumed, ItemCancelled)
