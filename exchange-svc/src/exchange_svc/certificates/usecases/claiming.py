"""Check a certificate that was claimed as a material, instead of asking for a copy of it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.outbox import record
from exchange_svc.calls.usecases import Look, record_look
from exchange_svc.certificates.events import ClaimChecked
from exchange_svc.certificates.models import Certificate, Claim
from exchange_svc.certificates.queries import find_by_code

FIELDS = ["holder", "type", "status", "valid_to"]


@dataclass(frozen=True)
class Claimed:
    claim_id: UUID
    case_id: UUID
    case_no: str
    material_id: str
    certificate_code: str
    certificate_type: str | None
    person_id: UUID
    company_id: UUID | None
    department_code: str


async def check_claim(session: AsyncSession, claimed: Claimed) -> None:
    """Same holder, right type, valid today; the answer is an event, the look a footprint."""
    certificate = await find_by_code(session, claimed.certificate_code)
    reason = _objection(certificate, claimed)
    session.add(
        Claim(
            claim_id=claimed.claim_id,
            case_id=claimed.case_id,
            certificate_code=claimed.certificate_code,
            department_code=claimed.department_code,
            outcome="invalid" if reason else "valid",
            checked_at=clock.now(),
        )
    )
    if certificate is not None:
        await record_look(session, _look(certificate, claimed))
    await record(
        session,
        ClaimChecked(
            claim_id=claimed.claim_id,
            case_id=claimed.case_id,
            material_id=claimed.material_id,
            certificate_code=claimed.certificate_code,
            outcome="invalid" if reason else "valid",
            reason=reason,
            version=1,
        ),
    )


def _objection(certificate: Certificate | None, claimed: Claimed) -> str | None:
    """Why the claim does not hold, as a short code; none when it does."""
    if certificate is None or not _is_holder(certificate, claimed):
        # An unknown code and another's certificate look the same from outside.
        return "unknown"
    if claimed.certificate_type and certificate.type_code != claimed.certificate_type:
        return "wrong_type"
    status = certificate.status_on(clock.today())
    return None if status == "valid" else status


def _is_holder(certificate: Certificate, claimed: Claimed) -> bool:
    if claimed.company_id is not None and certificate.company_id is not None:
        return certificate.company_id == claimed.company_id
    return certificate.company_id is None and certificate.person_id == claimed.person_id


def _look(certificate: Certificate, claimed: Claimed) -> Look:
    return Look(
        footprint_id=claimed.claim_id,
        person_id=certificate.person_id,
        at=clock.now(),
        department_code=claimed.department_code,
        department_name=None,
        post="系统核验",
        actor_id=None,
        fields=FIELDS,
        case_id=claimed.case_id,
        case_no=claimed.case_no,
        ground="申请人声明使用电子证照",
    )
