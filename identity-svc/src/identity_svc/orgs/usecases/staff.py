"""Take on and change members of staff."""

from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of
from chassis.errors import FieldError, Invalid
from chassis.outbox import record
from chassis.preconditions import ensure_match
from identity_svc.orgs import policies, queries
from identity_svc.orgs.errors import DepartmentNotFound, UsernameTaken
from identity_svc.orgs.events import StaffChanged
from identity_svc.orgs.models import AccountKind, Staff
from identity_svc.orgs.rules.names import is_username
from identity_svc.orgs.rules.passwords import is_weak
from identity_svc.orgs.rules.roles import Role
from identity_svc.orgs.usecases.accounts import WEAK_PASSWORD, open_account
from identity_svc.orgs.usecases.regions import full_region_code, listed_region

_NO_NAME: Final = FieldError(
    "/username",
    "missing",
    "用户名（字母开头，3–32 个字符）与手机号至少填一项",
    "Give a username (3 to 32 characters, a letter first) or a mobile number to sign in with",
)
_DEPARTMENT: Final = FieldError(
    "/department_code",
    "unknown_department",
    "没有这个部门，或部门已停用",
    "No such department, or it is closed",
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


async def check_new_staff(session: AsyncSession, actor: Actor, new: NewStaff) -> NewStaff:
    """The form with its region code in full, once the actor may take this colleague on."""
    region = await listed_region(session, new.region_code, pointer="/region_code")
    policies.ensure_manages(
        actor, department_code=new.department_code, region_code=region, roles=new.roles
    )
    if new.department_code is not None:
        try:
            department = await queries.department(session, new.department_code)
        except DepartmentNotFound:
            raise Invalid([_DEPARTMENT]) from None
        if not department.active:
            raise Invalid([_DEPARTMENT])
    if new.username is None and new.mobile is None:
        raise Invalid([_NO_NAME])
    if is_weak(new.password, new.username, new.mobile):
        raise Invalid([WEAK_PASSWORD])
    return replace(new, region_code=region)


def first_admin(*, username: str, password: str, region_code: str) -> NewStaff:
    """The first platform administrator, who is made before any region is imported."""
    if is_weak(password, username):
        raise Invalid([WEAK_PASSWORD])
    if not is_username(username):
        raise Invalid([_NO_NAME])
    return NewStaff(
        username=username,
        mobile=None,
        name=username,
        password=password,
        department_code=None,
        region_code=full_region_code(region_code, pointer="/region_code"),
        roles=[Role.PLATFORM_ADMIN],
        post=None,
    )


async def take_on_staff(session: WriteSession, new: NewStaff, *, password_hash: str) -> Staff:
    """Open an account for a member of staff who was checked before the password was hashed."""
    vault = process_of(session).vault
    staff_id = clock.new_id()
    names = {"username": new.username and new.username.casefold(), "mobile": new.mobile}
    opened = await open_account(
        session,
        staff_id,
        AccountKind.STAFF,
        password_hash=password_hash,
        names={purpose: name for purpose, name in names.items() if name},
    )
    if not opened:
        raise UsernameTaken
    staff = Staff(
        id=staff_id,
        username=new.username,
        name_box=vault.encrypt(new.name),
        mobile_box=vault.encrypt(new.mobile) if new.mobile else None,
        department_code=new.department_code,
        region_code=new.region_code,
        roles=sorted(set(new.roles)),
        post=new.post,
        active=True,
        version=1,
    )
    session.add(staff)
    await publish_staff(session, staff)
    return staff


async def change_staff(
    session: WriteSession, actor: Actor, staff_id: UUID, changes: dict[str, Any], *, match: str
) -> Staff:
    """Give other duties, or close and reopen the account; sign-ins of a closed account end."""
    staff = await queries.staff_member(session, actor, staff_id, for_update=True)
    # Before the change too: nobody is moved out of a region the actor does not manage.
    policies.ensure_manages(
        actor,
        department_code=staff.department_code,
        region_code=staff.region_code,
        roles=staff.roles,
    )
    ensure_match(match, staff.version)
    if "region_code" in changes:
        region = await listed_region(session, changes["region_code"], pointer="/region_code")
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
        await publish_staff(session, staff)
    return staff


async def publish_staff(session: WriteSession, staff: Staff) -> None:
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
        sealed={"case": {"name": process_of(session).vault.decrypt(staff.name_box)}},
    )
