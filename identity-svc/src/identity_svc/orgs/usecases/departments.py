"""Set up and change departments."""

from typing import Any

from chassis.database.sessions import WriteSession
from chassis.outbox import record
from chassis.preconditions import ensure_match
from identity_svc.orgs import queries
from identity_svc.orgs.errors import DepartmentExists
from identity_svc.orgs.events import DepartmentChanged
from identity_svc.orgs.models import Department
from identity_svc.orgs.usecases.regions import listed_region


async def add_department(
    session: WriteSession, *, code: str, name: str, region_code: str
) -> Department:
    """Set up a department; its code is stored exactly as written."""
    region = await listed_region(session, region_code, pointer="/region_code")
    if await session.get(Department, code) is not None:
        raise DepartmentExists(department_code=code)
    department = Department(code=code, name=name, region_code=region, active=True, version=1)
    session.add(department)
    await publish_department(session, department)
    return department


async def change_department(
    session: WriteSession, code: str, changes: dict[str, Any], *, match: str
) -> Department:
    department = await queries.department(session, code, for_update=True)
    ensure_match(match, department.version)
    if "region_code" in changes:
        region = await listed_region(session, changes["region_code"], pointer="/region_code")
        changes = changes | {"region_code": region}
    if department.change(changes):
        await publish_department(session, department)
    return department


async def publish_department(session: WriteSession, department: Department) -> None:
    await record(
        session,
        DepartmentChanged(
            department_code=department.code,
            name=department.name,
            region_code=department.region_code,
            active=department.active,
            version=department.version,
        ),
    )
