"""What the catalogue learns from identity: how divisions and departments are called."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from catalog_svc.items.usecases import copies
from chassis.consumer import Received, Subscriptions

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
    known = event.data
    await copies.copy_region(
        session, region_code=known.region_code, name=known.name, version=known.version
    )


@subscriptions.on("identity.department.changed.v1", DepartmentChanged)
async def on_department_changed(session: AsyncSession, event: Received[DepartmentChanged]) -> None:
    known = event.data
    await copies.copy_department(
        session, department_code=known.department_code, name=known.name, version=known.version
    )
