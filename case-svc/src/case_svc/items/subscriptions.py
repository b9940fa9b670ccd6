"""Events of `catalog`: an item was published, suspended, resumed or cancelled."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from case_svc.items import usecases
from chassis.database.sessions import WriteSession
from chassis.subscriptions import Received, Subscriptions

subscriptions = Subscriptions(copies=True)


class Named(BaseModel):
    model_config = ConfigDict(extra="ignore")

    code: str
    name: str


class ItemRead(BaseModel):
    model_config = ConfigDict(extra="ignore")

    item_id: UUID
    revision: int
    version: int
    status: str
    item_code: str
    task_code: str | None
    name: str
    task_type: str
    department: Named
    region: Named
    guide: dict[str, Any] | None


@subscriptions.on("catalog.item.published.v1", ItemRead)
@subscriptions.on("catalog.item.suspended.v1", ItemRead)
@subscriptions.on("catalog.item.resumed.v1", ItemRead)
@subscriptions.on("catalog.item.cancelled.v1", ItemRead)
async def on_item(session: WriteSession, event: Received[ItemRead]) -> None:
    item = event.data
    values = item.model_dump(exclude={"department", "region", "guide"}) | {
        "department_code": item.department.code,
        "department_name": item.department.name,
        "region_code": item.region.code.ljust(12, "0"),
        "region_name": item.region.name,
    }
    await usecases.keep_item(session, values, item.guide)
