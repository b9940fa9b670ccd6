"""The verbs of this room: import divisions, set up departments, take on and change staff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.db import context
from chassis.errors import FieldError, Invalid
from chassis.outbox import record
from chassis.preconditions import ensure_match
from identity_svc.orgs import policies, queries
from identity_svc.orgs.codes import full_code
from identity_svc.orgs.errors import (
    BadRegionCode,
    DepartmentExists,
    DepartmentNotFound,
    UsernameTaken,
)
from identity_svc.orgs.events import DepartmentChanged, RegionChanged, StaffChanged
from identity_svc.orgs.models import Account, AccountKind, Department, Region, SignInName, Staff
from identity_svc.orgs.names import is_plain, is_username
from identity_svc.orgs.passwords import hash_password, is_weak
from identity_svc.orgs.roles import Role

WEAK = FieldError(
    "/password",
    "weak_password",
    "密码须为 8–128 个字符，且不得与用户名、手机号或身份证号相同",
    "A password has 8 to 128 characters and is not the username, mobile or identity number",
)
_NO_NAME = FieldError(
    "/username",
    "missing",
    "用户名（字母开头，3–32 个字符）与手机号至少填一项",
    "Give a username (3 to 32 characters, a letter first) or a mobile number to sign in with",
)


LONGEST_REGION_NAME: Final = 200
_LONGEST_SHOWN: Final = 40


@dataclass
class ImportReport:
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    errors: list[tuple[int, str, str]] = field(default_factory=list)  # index, code, reason


async def import_regions(
    session: AsyncSession, rows: Sequence[object], *, dry_run: bool
) -> ImportReport:
    """Add and rename divisions; a row that cannot be read is reported while the others go in."""
    report = ImportReport()
    wanted = _read_rows(rows, report)
    known = await queries.regions_by_code(session, wanted.keys())
    for code, name in wanted.items():
        region = known.get(code)
        if region is None:
            report.created += 1
            region = Region.named(code, name)
        elif region.name != name:
            report.changed += 1
        else:
            report.unchanged += 1
            continue
        if not dry_run:
            await _keep_region(session, region, name)
    return report


async def _keep_region(session: AsyncSession, region: Region, name: str) -> None:
    if region.name != name:
        region.name = name
        region.version += 1
    session.add(region)
    await tell_region(session, region)


async def tell_region(session: AsyncSession, region: Region) -> None:
    await record(
        session,
        RegionChanged(
            region_code=region.code,
            name=region.name,
            level=region.level,
            parent_code=region.parent_code,
            version=region.version,
        ),
    )


def _read_rows(rows: Sequence[object], report: ImportReport) -> dict[str, str]:
    """Codes and names in the order given; of a code that stands twice the first row counts."""
    wanted: dict[str, str] = {}
    for index, row in enumerate(rows):
        code = row.get("code") if isinstance(row, Mapping) else None
        name = row.get("name") if isinstance(row, Mapping) else None
        if not isinstance(code, str) or not isinstance(name, str) or not name.strip():
            report.errors.append((index, _shown(code), "missing"))
            continue
        if len(name) > LONGEST_REGION_NAME or not is_plain(name.strip()):
            report.errors.append((index, _shown(code), "name"))
            continue
        try:
            full = full_code(code)
        except BadRegionCode:
            report.errors.append((index, _shown(code), "code"))
            continue
        if full not in wanted:
            wanted[full] = name.strip()
        elif wanted[full] == name.strip():
            report.unchanged += 1
        else:
            report.errors.append((index, code, "twice"))
    return wanted


def _shown(code: object) -> str:
    return str(code or "")[:_LONGEST_SHOWN].encode(errors="replace").decode()


async def add_department(
    session: AsyncSession, *, code: str, name: str, region_code: str
) -> Department:
    """Set up a department under the code it has on the list, as written."""
    region = await known_region(session, region_code, pointer="/region_code")
    if await session.get(Department, code) is not None:
        raise DepartmentExists(department_code=code)
    department = Department(code=code, name=name, region_code=region, active=True, version=1)
    session.add(department)
    await tell_department(session, department)
    return department


async def change_department(
    session: AsyncSession, code: str, changes: dict[str, Any], *, match: str
) -> Department:
    department = await queries.department(session, code, for_update=True)
    ensure_match(match, department.version)
    if "region_code" in changes:
        region = await known_region(session, changes["region_code"], pointer="/region_code")
        changes = changes | {"region_code": region}
    if department.change(changes):
        await tell_department(session, department)
    return department


async def tell_department(session: AsyncSession, department: Department) -> None:
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


@dataclass(frozen=True)
class NewStaff:
    username: str | None
    mobile: str | None
    name: str
    password: str
    department_code: str | None
    region_code: str
    roles: list[str]
    post: str | None


async def take_on_staff(session: AsyncSession, actor: Actor, new: NewStaff) -> Staff:
    """Open an account for a member of staff of a department the actor manages."""
    region = await known_region(session, new.region_code, pointer="/region_code")
    policies.ensure_manages(
        actor, department_code=new.department_code, region_code=region, roles=new.roles
    )
    if new.department_code is not None:
        await _ensure_open(session, new.department_code)
    if new.username is None and new.mobile is None:
        raise Invalid([_NO_NAME])
    if is_weak(new.password, new.username, new.mobile):
        raise Invalid([WEAK])
    return await _add_staff(session, new, region)


async def install_admin(
    session: AsyncSession, *, username: str, password: str, region_code: str
) -> bool:
    """The first platform administrator, from the command line; False when the name is in use."""
    if is_weak(password, username):
        raise Invalid([WEAK])
    if not is_username(username):
        raise Invalid([_NO_NAME])
    try:
        region = full_code(region_code)
    except BadRegionCode:
        raise Invalid([_unknown_region("/region_code")]) from None
    new = NewStaff(
        username=username,
        mobile=None,
        name=username,
        password=password,
        department_code=None,
        region_code=region,
        roles=[Role.PLATFORM_ADMIN],
        post=None,
    )
    if await queries.accounts_named(session, username):
        return False
    await _add_staff(session, new, region)
    return True


async def _ensure_open(session: AsyncSession, department_code: str) -> None:
    try:
        is_open = (await queries.department(session, department_code)).active
    except DepartmentNotFound:
        is_open = False
    if not is_open:
        raise Invalid(
            [
                FieldError(
                    "/department_code",
                    "unknown_department",
                    "没有这个部门，或部门已停用",
                    "No such department, or it is closed",
                )
            ]
        )


async def _add_staff(session: AsyncSession, new: NewStaff, region: str) -> Staff:
    vault = context(session).vault
    staff_id = clock.new_id()
    names = {"username": new.username and new.username.casefold(), "mobile": new.mobile}
    opened = await open_account(
        session,
        staff_id,
        AccountKind.STAFF,
        password=new.password,
        names={purpose: value for purpose, value in names.items() if value},
    )
    if not opened:
        raise UsernameTaken
    staff = Staff(
        id=staff_id,
        username=new.username,
        name_box=vault.encrypt(new.name),
        mobile_box=vault.encrypt(new.mobile) if new.mobile else None,
        department_code=new.department_code,
        region_code=region,
        roles=sorted(set(new.roles)),
        post=new.post,
        active=True,
        version=1,
    )
    session.add(staff)
    await tell_staff(session, staff)
    return staff


async def change_staff(
    session: AsyncSession, actor: Actor, staff_id: UUID, changes: dict[str, Any], *, match: str
) -> Staff:
    """Give other duties, or close and reopen the account; sign-ins of a closed one end."""
    staff = await queries.staff_member(session, actor, staff_id, for_update=True)
    # First as it stands: nobody is fetched out of a region that is not the actor's.
    policies.ensure_manages(
        actor,
        department_code=staff.department_code,
        region_code=staff.region_code,
        roles=staff.roles,
    )
    ensure_match(match, staff.version)
    if "region_code" in changes:
        region = await known_region(session, changes["region_code"], pointer="/region_code")
        changes = changes | {"region_code": region}
    if "roles" in changes:
        changes = changes | {"roles": sorted(set(changes["roles"]))}
    policies.ensure_manages(
        actor,
        department_code=staff.department_code,
        region_code=changes.get("region_code", staff.region_code),
        roles=changes.get("roles", []),
    )
    if staff.change(changes):
        account = await queries.account(session, staff.id)
        assert account is not None
        account.active = staff.active
        await tell_staff(session, staff)
    return staff


async def tell_staff(session: AsyncSession, staff: Staff) -> None:
    await record(
        session,
        StaffChanged(
            staff_id=staff.id,
            department_code=staff.department_code,
            region_code=staff.region_code,
            roles=staff.roles,
            post=staff.post,
            active=staff.active,
            version=staff.version,
        ),
        sealed={"case": {"name": context(session).vault.decrypt(staff.name_box)}},
    )


async def open_account(
    session: AsyncSession,
    account_id: UUID,
    kind: AccountKind,
    *,
    password: str,
    names: Mapping[str, str],
) -> bool:
    """False when one of the names is taken; the caller then fails and nothing of this stays."""
    password_hash = await hash_password(password)
    session.add(Account(id=account_id, kind=kind, password_hash=password_hash))
    await session.flush()
    vault = context(session).vault
    for purpose, value in names.items():
        statement = (
            insert(SignInName)
            .values(digest=vault.digest(value, purpose=purpose), kind=kind, account_id=account_id)
            .on_conflict_do_nothing()
            .returning(SignInName.account_id)
        )
        if await session.scalar(statement) is None:
            return False
    return True


async def known_region(session: AsyncSession, code: str, *, pointer: str) -> str:
    """The 12-digit code; a field error at `pointer` for one that is not on the list."""
    try:
        full = full_code(code)
    except BadRegionCode:
        full = ""
    if not full or not await queries.is_known_region(session, full):
        raise Invalid([_unknown_region(pointer)])
    return full


def _unknown_region(pointer: str) -> FieldError:
    return FieldError(
        pointer,
        "unknown_region",
        "没有这个行政区划，请先导入区划",
        "No such region; import the regions first",
    )
