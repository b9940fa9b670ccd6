"""Footprints for the citizen, the ledger check for auditors."""

from fastapi import APIRouter

from chassis.auth import Citizen, PlatformAdmin
from chassis.db import ReadSession
from chassis.pagination import Page, PageQuery, page_of
from exchange_svc.calls import queries
from exchange_svc.calls.models import Footprint
from exchange_svc.calls.schemas import DepartmentOut, FootprintOut, LedgerCheckOut
from exchange_svc.parties.queries import department_names

router = APIRouter(prefix="/api/v1", tags=["footprints"])


@router.get("/me/footprints")
async def list_my_footprints(
    actor: Citizen, session: ReadSession, page: PageQuery
) -> Page[FootprintOut]:
    """Which department and post looked at my data, when, at what, on what ground (数据足迹)."""
    window = await queries.footprints_of(session, actor.id, page)
    names = await department_names(session, {one.department_code for one in window.rows})
    return page_of(window, [_out(one, names) for one in window.rows])


@router.get("/exchange/ledger/check")
async def check_ledger(actor: PlatformAdmin, session: ReadSession) -> LedgerCheckOut:
    """Recompute the hash chain over every recorded look."""
    entries, broken = await queries.check_ledger(session)
    return LedgerCheckOut(entries=entries, is_whole=broken is None, first_break=broken)


def _out(one: Footprint, names: dict[str, str]) -> FootprintOut:
    code = one.department_code
    name = one.department_name or names.get(code or "")
    return FootprintOut(
        footprint_id=one.footprint_id,
        department=DepartmentOut(code=code, name=name),
        post=one.post,
        at=one.at,
        fields=one.fields,
        case_id=one.case_id,
        case_no=one.case_no,
        ground=one.ground,
    )
