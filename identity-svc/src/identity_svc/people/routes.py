"""Registration, assurance, companies, and the caller's own profile."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chassis.auth import Anyone, Citizen, DepartmentAdmin, SignedIn, Staff
from chassis.database.sessions import ReadSession, WriteSession, reading
from chassis.errors import Forbidden, Invalid, Unauthenticated
from chassis.http.route import Outcome, StagedRoute, TransactionRoute
from chassis.pagination import Page, PageQuery, page_of
from chassis.preconditions import set_tag
from chassis.problems import problems
from chassis.process import CurrentProcess
from identity_svc.orgs.usecases.accounts import hash_password
from identity_svc.people import queries, usecases
from identity_svc.people.errors import (
    AlreadyRegistered,
    CompanyNotFound,
    CompanyRegistered,
    NotHigher,
    PersonNotFound,
)
from identity_svc.people.schemas import (
    AssuranceIn,
    AssuranceOut,
    CompanyIn,
    CompanyOut,
    ProfileOut,
    RegistrationIn,
    RegistrationOut,
)


def build_router(appoint: usecases.Appoint) -> APIRouter:
    """`appoint` comes from the room `mandates`, which this room must not import."""
    router = APIRouter(route_class=TransactionRoute, prefix="/api/v1", tags=["people"])
    router.include_router(_open)
    router.include_router(_staged)

    @router.post(
        "/identity/companies",
        status_code=201,
        responses=problems(Unauthenticated, Forbidden, CompanyRegistered, Invalid),
    )
    async def register_company(
        body: CompanyIn, response: Response, actor: DepartmentAdmin, session: WriteSession
    ) -> CompanyOut:
        """Register a company at the counter; its legal representative can act for it at once."""
        company = await usecases.register_company(
            session, actor, **body.model_dump(), appoint=appoint
        )
        response.headers["Content-Location"] = f"/api/v1/identity/companies/{company.id}"
        set_tag(response, company.version)
        return CompanyOut.of(company)

    return router


_open = APIRouter(route_class=TransactionRoute)
_staged = APIRouter(route_class=StagedRoute)


@_staged.post(
    "/identity/registrations", status_code=201, responses=problems(AlreadyRegistered, Invalid)
)
async def register_person(
    body: RegistrationIn, process: CurrentProcess, actor: Anyone, outcome: Outcome
) -> RegistrationOut:
    """Open a citizen's account; sign in afterwards with the mobile or the identity number."""
    form = body.form()
    async with reading(process) as before:
        await usecases.check_registration(before, form)
    password_hash = await hash_password(form.password)
    session = await outcome.begin(actor)
    person = await usecases.register_person(session, form, password_hash=password_hash)
    return RegistrationOut(person_id=person.id, assurance_level=person.level)


@_open.post(
    "/identity/people/{person_id}/assurance",
    responses=problems(Unauthenticated, Forbidden, PersonNotFound, NotHigher, Invalid),
)
async def raise_assurance(
    person_id: UUID, body: AssuranceIn, response: Response, actor: Staff, session: WriteSession
) -> AssuranceOut:
    """Record a check in person at the window; the level counts from the next token on."""
    person = await usecases.raise_assurance(
        session, actor, person_id, level=body.level, ground=body.ground
    )
    response.headers["Content-Location"] = f"/api/v1/identity/people/{person_id}/assurance"
    return AssuranceOut(person_id=person.id, assurance_level=person.level)


@_open.get(
    "/identity/people/{person_id}/assurance",
    responses=problems(Unauthenticated, Forbidden, PersonNotFound),
)
async def read_assurance(person_id: UUID, actor: Staff, session: ReadSession) -> AssuranceOut:
    """The assurance level of a person, before or after a check at the window."""
    person = await queries.person(session, person_id)
    return AssuranceOut(person_id=person.id, assurance_level=person.level)


@_open.get("/identity/companies", responses=problems(Unauthenticated))
async def list_companies(
    actor: SignedIn,
    session: ReadSession,
    page: PageQuery,
    uscc: Annotated[str | None, Query(max_length=18)] = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
) -> Page[CompanyOut]:
    """Companies the caller leads; staff find any by credit code or name."""
    window = await queries.list_companies(session, actor, page, uscc=uscc, words=q)
    return page_of(window, [CompanyOut.of(company) for company in window.rows])


@_open.get("/identity/companies/{company_id}", responses=problems(Unauthenticated, CompanyNotFound))
async def read_company(
    company_id: UUID, response: Response, actor: SignedIn, session: ReadSession
) -> CompanyOut:
    """One company, for its legal representative and for staff."""
    company = await queries.company(session, actor, company_id)
    set_tag(response, company.version)
    return CompanyOut.of(company)


@_open.get("/me/profile", responses=problems(Unauthenticated, Forbidden, PersonNotFound))
async def read_profile(response: Response, actor: Citizen, session: ReadSession) -> ProfileOut:
    """The caller's own particulars, masked in case somebody else sees the screen."""
    person = await queries.person(session, actor.id)
    set_tag(response, person.version)
    return ProfileOut.of(session, person)
