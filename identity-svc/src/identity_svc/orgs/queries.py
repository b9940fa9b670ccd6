"""Every SELECT on regions, departments and staff."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Select, false, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.database.sessions import process_of
from chassis.pagination import PageRequest, Window, paginate
from identity_svc.orgs.errors import DepartmentNotFound, RegionNotFound, StaffNotFound
from identity_svc.orgs.models import Account, Department, Region, SignInName, Staff
from identity_svc.orgs.rules.codes import LENGTH
from identity_svc.orgs.rules.names import parse_sign_in_name


async def region(session: AsyncSession, code: str) -> Region:
    region = await session.get(Region, code)
    if region is None:
        raise RegionNotFound(region_code=code)
    return region


async def regions_by_code(session: AsyncSession, codes: Collection[str]) -> dict[str, Region]:
    """Locks the rows: an import compares and changes them."""
    statement = select(Region).where(Region.code.in_(codes)).with_for_update()
    return {row.code: row for row in await session.scalars(statement)}


async def is_listed_region(session: AsyncSession, code: str) -> bool:
    """Towns and villages are not on the published list; the county around them is enough."""
    return await _is_any_listed(session, [code, code[:6].ljust(LENGTH, "0")])


async def is_number_region(session: AsyncSession, digits: str, *, before_import: bool) -> bool:
    """Whether an identity number may begin with these six digits: a county, or the city around it.

    Numbers issued in counties that were abolished since stay valid. `before_import` is the answer
    while no region has been imported.
    """
    # With "00" as the city, the first four digits would stand for the whole province.
    city = digits if digits[2:4] == "00" else digits[:4]
    if await _is_any_listed(session, [digits.ljust(LENGTH, "0"), city.ljust(LENGTH, "0")]):
        return True
    return before_import and await session.scalar(select(Region.code).limit(1)) is None


async def _is_any_listed(session: AsyncSession, codes: list[str]) -> bool:
    statement = select(Region.code).where(Region.code.in_(codes)).limit(1)
    return await session.scalar(statement) is not None


async def list_regions(
    session: AsyncSession, page: PageRequest, *, parent: str | None, words: str | None
) -> Window:
    statement = select(Region)
    if parent is not None:
        statement = statement.where(Region.parent_code == parent)
    if words:
        statement = statement.where(Region.name.contains(words, autoescape=True))
    return await paginate(session, statement, [(Region.code, "asc")], page)


async def department(session: AsyncSession, code: str, *, for_update: bool = False) -> Department:
    department = await session.get(Department, code, with_for_update=for_update)
    if department is None:
        raise DepartmentNotFound(department_code=code)
    return department


async def list_departments(
    session: AsyncSession, page: PageRequest, *, region_code: str | None, words: str | None
) -> Window:
    statement = select(Department)
    if region_code is not None:
        statement = statement.where(Department.region_code == region_code)
    if words:
        statement = statement.where(Department.name.contains(words, autoescape=True))
    return await paginate(session, statement, [(Department.code, "asc")], page)


def visible_staff(actor: Actor) -> Select[Staff]:
    """The rows an administrator may see: all staff, or those of the administrator's department."""
    if actor.has("platform_admin"):
        return select(Staff)
    if actor.department is None:
        return select(Staff).where(false())
    return select(Staff).where(Staff.department_code == actor.department)


async def staff_member(
    session: AsyncSession, actor: Actor, staff_id: UUID, *, for_update: bool = False
) -> Staff:
    statement = visible_staff(actor).where(Staff.id == staff_id)
    if for_update:
        statement = statement.with_for_update()
    staff = await session.scalar(statement)
    if staff is None:
        raise StaffNotFound
    return staff


async def list_staff(
    session: AsyncSession, actor: Actor, page: PageRequest, *, department_code: str | None
) -> Window:
    statement = visible_staff(actor)
    if department_code is not None:
        statement = statement.where(Staff.department_code == department_code)
    return await paginate(session, statement, [(Staff.id, "asc")], page)


def name_digest(session: AsyncSession, typed: str) -> bytes:
    """The keyed hash under which a sign-in name of any kind is stored."""
    kind, value = parse_sign_in_name(typed)
    return process_of(session).vault.digest(value, purpose=kind)


async def accounts_named(session: AsyncSession, typed: str) -> list[Account]:
    """Active accounts with this sign-in name; a citizen's account comes before a staff account."""
    statement = (
        select(Account)
        .join(SignInName, SignInName.account_id == Account.id)
        .where(SignInName.digest == name_digest(session, typed), Account.active)
        .order_by(Account.kind)
    )
    return list(await session.scalars(statement))


async def account(session: AsyncSession, account_id: UUID) -> Account | None:
    return await session.get(Account, account_id)


async def staff_of_account(session: AsyncSession, account_id: UUID) -> Staff | None:
    return await session.get(Staff, account_id)


def name_of_staff(session: AsyncSession, staff: Staff) -> str:
    return process_of(session).vault.decrypt(staff.name_box)
