"""What `exchange` found out about a claimed certificate."""

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import CaseMaterial
from case_svc.cases.queries.cases import lock_case
from case_svc.cases.usecases.moves import remark

# What `exchange` found, told to the applicant.
_TOLD: Final = {
    "unknown": "没有查到属于申请人的这份证照，请核对证照编码",
    "wrong_type": "证照种类不符合此项材料的要求",
    "suspended": "证照已被暂停使用",
    "revoked": "证照已被撤销",
    "expired": "证照已过有效期",
}


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
    row.state, row.reason = ("verified", None) if valid else ("failed", _told(reason))
    remark(session, case, "claim-verified" if valid else "claim-failed", note=row.name)


def _told(reason: str | None) -> str:
    return _TOLD.get(reason or "", "电子证照核验未通过")
