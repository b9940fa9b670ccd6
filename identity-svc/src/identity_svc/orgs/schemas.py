"""Requests and answers of regions, departments and staff."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import process_of
from chassis.vault import mask_name
from identity_svc.orgs.models import Department, Region, Staff
from identity_svc.orgs.rules.names import MOBILE, PLAIN, USERNAME
from identity_svc.orgs.rules.roles import DUTIES, Role
from identity_svc.orgs.usecases.regions import ImportReport
from identity_svc.orgs.usecases.staff import NewStaff

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=PLAIN)
]
RegionCode = Annotated[str, Field(pattern=r"^[0-9]{2,12}$", examples=["511602000000"])]

_REASONS = {
    "missing": ("每行须有非空的 code 与 name", "Every row needs a code and a name, neither empty"),
    "name": ("名称过长，或含有不可见字符", "The name is too long or contains invisible characters"),
    "code": ("代码须为 2、4、6、9 或 12 位数字", "A code has 2, 4, 6, 9 or 12 digits"),
    "twice": (
        "同一代码出现两次且名称不同，保留第一行",
        "The code appears twice with different names; the first row was used",
    ),
}


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RegionOut(BaseModel):
    region_code: str
    name: str
    level: str
    parent_code: str | None
    version: int

    @classmethod
    def of(cls, region: Region) -> "RegionOut":
        return cls(
            region_code=region.code,
            name=region.name,
            level=region.level,
            parent_code=region.parent_code,
            version=region.version,
        )


class RowErrorOut(BaseModel):
    index: int
    code: str
    reason: str


class ImportOut(BaseModel):
    dry_run: bool
    created: int
    changed: int
    unchanged: int
    errors: list[RowErrorOut]

    @classmethod
    def of(cls, report: ImportReport, *, dry_run: bool, language: str) -> "ImportOut":
        return cls(
            dry_run=dry_run,
            created=report.created,
            changed=report.changed,
            unchanged=report.unchanged,
            errors=[
                RowErrorOut(index=index, code=code, reason=_REASONS[fault][language == "en"])
                for index, code, fault in report.errors
            ],
        )


class DepartmentIn(In):
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{2,60}$", examples=["11511301008778298W"])]
    name: Title
    region_code: RegionCode


class DepartmentChangeIn(In):
    name: Title | None = None
    region_code: RegionCode | None = None
    active: bool | None = None


class DepartmentOut(BaseModel):
    department_code: str
    name: str
    region_code: str
    active: bool
    version: int

    @classmethod
    def of(cls, department: Department) -> "DepartmentOut":
        return cls(
            department_code=department.code,
            name=department.name,
            region_code=department.region_code,
            active=department.active,
            version=department.version,
        )


class StaffIn(In):
    username: Annotated[str, Field(pattern=USERNAME)] | None = None
    mobile: Annotated[str, Field(pattern=MOBILE)] | None = None
    name: Title
    password: Annotated[str, Field(max_length=1000)]
    department_code: str | None = None
    region_code: RegionCode
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]
    post: Title | None = None

    def new(self) -> NewStaff:
        return NewStaff(
            **self.model_dump(exclude={"roles"}), roles=[str(role) for role in self.roles]
        )


class StaffChangeIn(In):
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))] | None = None
    region_code: RegionCode | None = None
    post: Title | None = None
    active: bool | None = None


class StaffOut(BaseModel):
    """The name is masked: an administrator recognises the colleague, nobody else does."""

    staff_id: UUID
    username: str | None
    name: str
    department_code: str | None
    region_code: str
    roles: list[str]
    post: str | None
    active: bool
    version: int

    @classmethod
    def of(cls, session: AsyncSession, staff: Staff) -> "StaffOut":
        return cls(
            staff_id=staff.id,
            username=staff.username,
            name=mask_name(process_of(session).vault.decrypt(staff.name_box)),
            department_code=staff.department_code,
            region_code=staff.region_code,
            roles=staff.roles,
            post=staff.post,
            active=staff.active,
            version=staff.version,
        )


class RoleOut(BaseModel):
    role: str
    name: str
    duty: str

    @classmethod
    def of(cls, role: Role, language: str) -> "RoleOut":
        name_zh, duty_zh, name_en, duty_en = DUTIES[role]
        if language == "en":
            return cls(role=role, name=name_en, duty=duty_en)
        return cls(role=role, name=name_zh, duty=duty_zh)
