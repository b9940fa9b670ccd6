"""Footprints for the citizen, questions of departments' systems, the ledger check for auditors."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from chassis.auth import Citizen, PlatformAdmin, System
from chassis.db import ReadSession, Session
from chassis.errors import Forbidden, ServiceError, Unauthenticated
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.problems import problems, refusal
from exchange_svc.calls import queries
from exchange_svc.calls.errors import (
    FieldsNotGranted,
    NoGrant,
    NoSubjectLink,
    NoSuchPlace,
    QuotaUsedUp,
)
from exchange_svc.calls.models import Footprint
from exchange_svc.calls.rules import chain
from exchange_svc.calls.schemas import (
    AnswerOut,
    DepartmentOut,
    FootprintOut,
    LedgerCheckOut,
    QueryIn,
    QuotaOut,
)
from exchange_svc.calls.usecases.asking import ReadRecords, ask
from exchange_svc.directory.errors import ResourceNotFound
from exchange_svc.parties.queries import department_names

router = APIRouter(
    prefix="/api/v1", tags=["footprints"], responses=problems(Unauthenticated, Forbidden)
)


@router.get("/me/footprints", responses=problems(BadCursor))
async def list_my_footprints(
    actor: Citizen, session: ReadSession, page: PageQuery
) -> Page[FootprintOut]:
    """Which department and post looked at my data, when, at what, on what ground (数据足迹)."""
    window = await queries.footprints_of(session, actor.id, page)
    codes = {one.department_code for one in window.rows if one.department_code}
    names = await department_names(session, codes)
    return page_of(window, [_out(one, names) for one in window.rows])


@router.get("/exchange/ledger/check", responses=problems(NoSuchPlace))
async def check_ledger(
    actor: PlatformAdmin,
    session: ReadSession,
    after: Annotated[int, Query(ge=0, le=2**62, description="Begin behind this entry")] = 0,
    limit: Annotated[int, Query(ge=1, le=50_000, description="Entries to check")] = 10_000,
) -> LedgerCheckOut:
    """Recompute the hash chain over recorded looks, a stretch at a time."""
    place, head = await queries.head(session, at=after)
    if place != after:
        raise NoSuchPlace(after=after)
    rows = await queries.entries(session, after=after, limit=limit)
    links = ((r.position, r.previous, r.hash, r.content) for r in rows)
    broken = chain.first_break(links, after=after, head=head)
    return LedgerCheckOut(
        after=after,
        entries=len(rows),
        is_whole=broken is None,
        first_break=broken,
        head=rows[-1].hash if rows else head,
        next=rows[-1].position if len(rows) == limit else None,
    )


def query_router(read: ReadRecords) -> APIRouter:
    """The route that answers from a source; the source stands in a room above this one."""
    asking = APIRouter(
        prefix="/api/v1/exchange", tags=["calls"], responses=problems(Unauthenticated, Forbidden)
    )

    @asking.post(
        "/resources/{code}/query",
        response_model=AnswerOut,
        responses=problems(ResourceNotFound, NoGrant, FieldsNotGranted, NoSubjectLink, QuotaUsedUp),
    )
    async def query_resource(
        code: str, body: QueryIn, request: Request, actor: System, session: Session
    ) -> AnswerOut | Response:
        """Ask for granted fields of the subject of a live case. Refusals stand on record, too."""
        found = await ask(session, actor, body.question(code), read)
        if isinstance(found, ServiceError):
            return refusal(request, found)
        return AnswerOut(
            call_id=found.call_id,
            resource_code=code,
            answered_at=found.answered_at,
            records=found.records,
            signature=found.signature,
            quota=QuotaOut(limit=found.quota, remaining=found.remaining),
        )

    return asking


def _out(one: Footprint, names: dict[str, str]) -> FootprintOut:
    code = one.department_code
    name = one.department_name or names.get(code or "")
    return FootprintOut(
        footprint_id=one.footprint_id,
        department=DepartmentOut(code=code, name=name) if code else None,
        post=one.post,
        at=one.at,
        fields=one.fields,
        case_id=one.case_id,
        case_no=one.case_no,
        ground=one.ground,
    )
