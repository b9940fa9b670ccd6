"""Copies of what identity owns: the present names of divisions and departments."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items.models import DepartmentCopy, RegionCopy
from chassis.consumer import Received, Subscriptions
from chassis.upsert import upsert_newer

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
async def on_region_changed(session: AsyncSession, event: Received[RegionChanged]) -> None:
    await upsert_newer(session, RegionCopy, [event.data.model_dump()])


@subscriptions.on("identity.department.changed.v1", DepartmentChanged)
async def on_department_changed(session: AsyncSession, event: Received[DepartmentChanged]) -> None:
    await upsert_newer(session, DepartmentCopy, [event.data.model_dump()])
