"""Footprints for citizens, questions of departments' systems, the ledger check for auditors."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from chassis.auth import Citizen, PlatformAdmin, System
from chassis.database.sessions import ReadSession, WriteSession
from chassis.errors import Forbidden, ServiceError, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.problems import problems, refusal
from exchange_svc.calls import queries
from exchange_svc.calls.errors import (
    FieldsNotGranted,
    LedgerEntryNotFound,
    NoGrant,
    NoSubjectLink,
    QuotaExceeded,
)
from exchange_svc.calls.rules import chain
from exchange_svc.calls.schemas import (
    AnswerOut,
    FootprintOut,
    LedgerCheckOut,
    QueryIn,
    QuotaOut,
    footprint_out,
)
from exchange_svc.calls.usecases.answering import ReadRecords, answer_question
from exchange_svc.directory.errors import ResourceNotFound
from exchange_svc.parties.queries import department_names

router = APIRouter(
    route_class=TransactionRoute,
    prefix="/api/v1",
    tags=["footprints"],
    responses=problems(Unauthenticated, Forbidden),
)


@router.get("/me/footprints", responses=problems(BadCursor))
async def list_my_footprints(
    actor: Citizen, session: ReadSession, page: PageQuery
) -> Page[FootprintOut]:
    """Which department and post accessed which of my data, when, on what ground (数据足迹)."""
    window = await queries.footprints_of(session, actor.id, page)
    codes = {footprint.department_code for footprint in window.rows if footprint.department_code}
    names = await department_names(session, codes)
    return page_of(window, [footprint_out(footprint, names) for footprint in window.rows])


@router.get("/exchange/ledger/check", responses=problems(LedgerEntryNotFound))
async def check_ledger(
    actor: PlatformAdmin,
    session: ReadSession,
    after: Annotated[int, Query(ge=0, le=2**62, description="Start behind this entry")] = 0,
    limit: Annotated[int, Query(ge=1, le=50_000, description="Entries to check")] = 10_000,
) -> LedgerCheckOut:
    """Recompute the hash chain of recorded accesses, a section at a time."""
    position, head = await queries.head(session, at=after)
    if position != after:
        raise LedgerEntryNotFound(after=after)
    rows = await queries.entries(session, after=after, limit=limit)
    links = ((row.position, row.previous, row.hash, row.content) for row in rows)
    first_break = chain.first_break(links, after=after, head=head)
    return LedgerCheckOut(
        after=after,
        entries=len(rows),
        is_whole=first_break is None,
        first_break=first_break,
        head=rows[-1].hash if rows else head,
        next=rows[-1].position if len(rows) == limit else None,
    )


def query_router(read: ReadRecords) -> APIRouter:
    """The route that answers questions from `read`, which a room above this one provides."""
    router = APIRouter(
        route_class=TransactionRoute,
        prefix="/api/v1/exchange",
        tags=["calls"],
        responses=problems(Unauthenticated, Forbidden),
    )

    @router.post(
        "/resources/{code}/query",
        response_model=AnswerOut,
        responses=problems(
            ResourceNotFound, NoGrant, FieldsNotGranted, NoSubjectLink, QuotaExceeded
        ),
    )
    async def query_resource(
        code: str, body: QueryIn, request: Request, actor: System, session: WriteSession
    ) -> AnswerOut | Response:
        """Ask for granted fields of the subject of a live case. Refusals are recorded, too."""
        answer = await answer_question(session, actor, body.question(code), read)
        if isinstance(answer, ServiceError):
            return refusal(request, answer)
        return AnswerOut(
            call_id=answer.call_id,
            resource_code=code,
            answered_at=answer.answered_at,
            records=answer.records,
            signature=answer.signature,
            quota=QuotaOut(limit=answer.quota, remaining=answer.remaining),
        )

    return router
