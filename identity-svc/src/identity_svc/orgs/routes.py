"""/api/v1/orgs: regions, departments, staff, roles."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response

from chassis.auth import Anyone, DepartmentAdmin, PlatformAdmin
from chassis.database.sessions import ReadSession, WriteSession, reading
from chassis.errors import Forbidden, Invalid, NotFound, Stale, Unauthenticated
from chassis.http.route import Outcome, StagedRoute, TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import RequiredMatch, digest_of, public_read, set_tag
from chassis.problems import language_of, problems
from chassis.process import CurrentProcess
from identity_svc.orgs import queries
from identity_svc.orgs.errors import (
    BadRegionCode,
    DepartmentExists,
    DepartmentNotFound,
    NotYourDepartment,
    RegionNotFound,
    StaffNotFound,
    UsernameTaken,
)
from identity_svc.orgs.rules.codes import full_code
from identity_svc.orgs.rules.roles import Role
from identity_svc.orgs.schemas import (
    DepartmentChangeIn,
    DepartmentIn,
    DepartmentOut,
    ImportOut,
    RegionOut,
    RoleOut,
    StaffChangeIn,
    StaffIn,
    StaffOut,
)
from identity_svc.orgs.usecases import departments, regions
from identity_svc.orgs.usecases import staff as staff_usecases
from identity_svc.orgs.usecases.accounts import hash_password

PREFIX = "/api/v1/orgs"
router = APIRouter(route_class=TransactionRoute, prefix=PREFIX, tags=["orgs"])
staged = APIRouter(route_class=StagedRoute, prefix=PREFIX, tags=["orgs"])

REGION_SECONDS = 3600
DEPARTMENT_SECONDS = 60
Words = Annotated[str | None, Query(max_length=100)]
Code = Annotated[str | None, Query(pattern=r"^[0-9]{2,12}$")]


@router.post("/regions/imports", responses=problems(Unauthenticated, Forbidden, Invalid))
async def import_regions(
    request: Request,
    rows: Annotated[
        list[Any], Body(max_length=1000, examples=[[{"code": "511602", "name": "广安区"}]])
    ],
    actor: PlatformAdmin,
    session: WriteSession,
    dry_run: bool = False,
) -> ImportOut:
    """Add and rename up to 1000 divisions; a row that cannot be read does not stop the others.

    Codes come with 2, 4, 6, 9 or 12 digits. The same rows again change nothing.
    """
    report = await regions.import_regions(session, rows, dry_run=dry_run)
    language = language_of(request.headers.get("accept-language"))
    return ImportOut.of(report, dry_run=dry_run, language=language)


@router.get("/regions", responses=problems(RegionNotFound))
async def list_regions(
    request: Request,
    response: Response,
    actor: Anyone,
    session: ReadSession,
    page: PageQuery,
    parent: Code = None,
    q: Words = None,
) -> Page[RegionOut]:
    """Divisions by code; `parent` selects those directly below it, `q` searches names."""
    try:
        parent_code = full_code(parent) if parent else None
    except BadRegionCode:
        raise RegionNotFound(region_code=parent) from None
    window = await queries.list_regions(session, page, parent=parent_code, words=q)
    answer = page_of(window, [RegionOut.of(region) for region in window.rows])
    public_read(request, response, digest_of(answer), REGION_SECONDS, shared=True)
    return answer


@router.get("/regions/{region_code}", responses=problems(RegionNotFound))
async def read_region(
    region_code: str, request: Request, response: Response, actor: Anyone, session: ReadSession
) -> RegionOut:
    """One division, by its code of 2 to 12 digits."""
    try:
        region = await queries.region(session, full_code(region_code))
    except BadRegionCode:
        raise RegionNotFound(region_code=region_code) from None
    public_read(request, response, str(region.version), REGION_SECONDS, shared=True)
    return RegionOut.of(region)


@router.post(
    "/departments",
    status_code=201,
    responses=problems(Unauthenticated, Forbidden, DepartmentExists, Invalid),
)
async def add_department(
    body: DepartmentIn, response: Response, actor: PlatformAdmin, session: WriteSession
) -> DepartmentOut:
    """Set up a department; its code is stored exactly as written."""
    department = await departments.add_department(session, **body.model_dump())
    response.headers["Content-Location"] = f"{PREFIX}/departments/{department.code}"
    set_tag(response, department.version)
    return DepartmentOut.of(department)


@router.get("/departments", responses=problems(RegionNotFound))
async def list_departments(
    request: Request,
    response: Response,
    actor: Anyone,
    session: ReadSession,
    page: PageQuery,
    region: Code = None,
    q: Words = None,
) -> Page[DepartmentOut]:
    """Departments by code; the list is public."""
    try:
        region_code = full_code(region) if region else None
    except BadRegionCode:
        raise RegionNotFound(region_code=region) from None
    window = await queries.list_departments(session, page, region_code=region_code, words=q)
    answer = page_of(window, [DepartmentOut.of(department) for department in window.rows])
    public_read(request, response, digest_of(answer), DEPARTMENT_SECONDS)
    return answer


@router.get("/departments/{department_code}", responses=problems(DepartmentNotFound))
async def read_department(
    department_code: str, request: Request, response: Response, actor: Anyone, session: ReadSession
) -> DepartmentOut:
    """One department; `PATCH` requires its ETag as `If-Match`."""
    department = await queries.department(session, department_code)
    public_read(request, response, str(department.version), 0)
    return DepartmentOut.of(department)


@router.patch(
    "/departments/{department_code}",
    responses=problems(Unauthenticated, Forbidden, DepartmentNotFound, Stale, Invalid),
)
async def change_department(
    department_code: str,
    body: DepartmentChangeIn,
    match: RequiredMatch,
    response: Response,
    actor: PlatformAdmin,
    session: WriteSession,
) -> DepartmentOut:
    """Rename, move, close or reopen a department; only the members sent are changed."""
    department = await departments.change_department(
        session, department_code, body.model_dump(exclude_none=True), match=match
    )
    set_tag(response, department.version)
    return DepartmentOut.of(department)


@staged.post(
    "/staff",
    status_code=201,
    responses=problems(Unauthenticated, NotYourDepartment, UsernameTaken, Invalid),
)
async def take_on_staff(
    body: StaffIn,
    process: CurrentProcess,
    response: Response,
    actor: DepartmentAdmin,
    outcome: Outcome,
) -> StaffOut:
    """Open an account for a member of staff, who then signs in with username or mobile number."""
    async with reading(process) as before:
        new = await staff_usecases.check_new_staff(before, actor, body.new())
    password_hash = await hash_password(new.password)
    session = await outcome.begin(actor)
    staff = await staff_usecases.take_on_staff(session, new, password_hash=password_hash)
    response.headers["Content-Location"] = f"{PREFIX}/staff/{staff.id}"
    set_tag(response, staff.version)
    return StaffOut.of(session, staff)


@router.get("/staff", responses=problems(Unauthenticated, Forbidden))
async def list_staff(
    actor: DepartmentAdmin,
    session: ReadSession,
    page: PageQuery,
    department: Annotated[str | None, Query(max_length=60)] = None,
) -> Page[StaffOut]:
    """Staff of the actor's department; a platform administrator sees all. Names are masked."""
    window = await queries.list_staff(session, actor, page, department_code=department)
    return page_of(window, [StaffOut.of(session, staff) for staff in window.rows])


@router.get("/staff/{staff_id}", responses=problems(Unauthenticated, Forbidden, StaffNotFound))
async def read_staff(
    staff_id: UUID, response: Response, actor: DepartmentAdmin, session: ReadSession
) -> StaffOut:
    """One member of staff; `PATCH` requires the ETag as `If-Match`."""
    staff = await queries.staff_member(session, actor, staff_id)
    set_tag(response, staff.version)
    return StaffOut.of(session, staff)


@router.patch(
    "/staff/{staff_id}",
    responses=problems(Unauthenticated, NotYourDepartment, StaffNotFound, Stale, Invalid, NotFound),
)
async def change_staff(
    staff_id: UUID,
    body: StaffChangeIn,
    match: RequiredMatch,
    response: Response,
    actor: DepartmentAdmin,
    session: WriteSession,
) -> StaffOut:
    """Give other roles, region or post, or close the account; takes effect at the next token."""
    staff = await staff_usecases.change_staff(
        session, actor, staff_id, body.model_dump(exclude_none=True, mode="json"), match=match
    )
    set_tag(response, staff.version)
    return StaffOut.of(session, staff)


@router.get("/roles")
async def list_roles(request: Request, response: Response, actor: Anyone) -> Page[RoleOut]:
    """Every role and its duties."""
    language = language_of(request.headers.get("accept-language"))
    answer = Page[RoleOut](data=[RoleOut.of(role, language) for role in Role], next=None)
    public_read(request, response, digest_of(answer), REGION_SECONDS, shared=True)
    return answer
