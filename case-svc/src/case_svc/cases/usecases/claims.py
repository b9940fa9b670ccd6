"""What `exchange` found out about a claimed certificate."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import CaseMaterial
from case_svc.cases.queries.cases import lock_case
from case_svc.cases.usecases.moves import remark


async def settle_claim(
    session: AsyncSession, claim_id: UUID, *, valid: bool, reason: str | None
) -> None:
    """Pending becomes verified or failed, once; a replaced claim does not matter any more."""
    statement = select(CaseMaterial).where(CaseMaterial.claim_id == claim_id)
    found = await session.scalar(statement)
    if found is None:
        return
    case = await lock_case(session, found.case_id)
    row = await session.get_one(CaseMaterial, found.case_material_id, populate_existing=True)
    if row.state != "pending" or row.replaced_at is not None:
        return
    row.state, row.reason = ("verified", None) if valid else ("failed", reason)
    remark(session, case, "claim-verified" if valid else "claim-failed", note=row.name)
