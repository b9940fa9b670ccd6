"""Copies of what identity owns: the present names of divisions and departments."""

from pydantic import BaseModel, ConfigDict

from catalog_svc.items.models import DepartmentCopy, RegionCopy
from chassis.database.sessions import WriteSession
from chassis.database.upsert import upsert_newer
from chassis.subscriptions import Received, Subscriptions

subscriptions = Subscriptions(copies=True)


class RegionChanged(BaseModel):
    model_config = ConfigDict(extra="ignore")

    region_code: str
    name: str
    version: int


class DepartmentChanged(BaseModel):
    model_config = ConfigDict(extra="ignore")

    department_code: str
    name: str
    version: int


@subscriptions.on("identity.region.changed.v1", RegionChanged)
async def on_region_changed(session: WriteSession, event: Received[RegionChanged]) -> None:
    await upsert_newer(session, RegionCopy, [event.data.model_dump()])


@subscriptions.on("identity.department.changed.v1", DepartmentChanged)
async def on_department_changed(session: WriteSession, event: Received[DepartmentChanged]) -> None:
    await upsert_newer(session, DepartmentCopy, [event.data.model_dump()])
