"""Footprints for the citizen, the ledger check for auditors."""

from typing import Annotated

from fastapi import APIRouter, Query

from chassis.auth import Citizen, PlatformAdmin
from chassis.db import ReadSession
from chassis.errors import Forbidden, Unauthenticated
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.problems import problems
from exchange_svc.calls import chain, queries
from exchange_svc.calls.errors import NoSuchPlace
from exchange_svc.calls.models import Footprint
from exchange_svc.calls.schemas import DepartmentOut, FootprintOut, LedgerCheckOut
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
