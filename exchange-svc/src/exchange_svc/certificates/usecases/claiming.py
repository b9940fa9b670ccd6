"""Check a certificate that was claimed as a material, instead of asking for a copy of it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from chassis import clock
from chassis.database.sessions import WriteSession
from chassis.outbox import record
from exchange_svc.calls.usecases.accesses import Access, record_access
from exchange_svc.certificates.events import ClaimChecked
from exchange_svc.certificates.models import Certificate, Claim
from exchange_svc.certificates.queries import find_by_code
from exchange_svc.certificates.rules.validity import Status

FIELDS = ["holder", "type", "status", "valid_to"]


@dataclass(frozen=True)
class Claimed:
    claim_id: UUID
    case_id: UUID
    case_no: str
    item_name: str
    material_id: str
    certificate_code: str
    certificate_type: str | None
    person_id: UUID
    company_id: UUID | None
    department_code: str
    on: date


async def check_claim(session: WriteSession, claimed: Claimed) -> None:
    """Check holder, type and validity on the day; publish the outcome and record the access."""
    if await session.get(Claim, claimed.claim_id) is not None:
        return
    certificate = await find_by_code(session, claimed.certificate_code)
    reason = _objection(certificate, claimed)
    outcome = "invalid" if reason else "valid"
    session.add(
        Claim(
            claim_id=claimed.claim_id,
            case_id=claimed.case_id,
            case_no=claimed.case_no,
            certificate_code=claimed.certificate_code,
            department_code=claimed.department_code,
            outcome=outcome,
            reason=reason,
            checked_at=clock.now(),
        )
    )
    access = _access(certificate, claimed)
    await record_access(
        session, access, subject=claimed.certificate_code, outcome=reason or outcome
    )
    await record(
        session,
        ClaimChecked(
            claim_id=claimed.claim_id,
            case_id=claimed.case_id,
            material_id=claimed.material_id,
            certificate_code=claimed.certificate_code,
            outcome=outcome,
            reason=reason,
            version=1,
        ),
    )


def _objection(certificate: Certificate | None, claimed: Claimed) -> str | None:
    """The code of the reason why the claim fails; None when it is valid."""
    if certificate is None or not _is_holder(certificate, claimed):
        # The claimant must not learn whether somebody else's certificate exists.
        return "unknown"
    required = claimed.certificate_type
    if required and certificate.type_code != required.upper():
        return "wrong_type"
    status = certificate.status_on(claimed.on)
    return None if status is Status.VALID else status.value


def _is_holder(certificate: Certificate, claimed: Claimed) -> bool:
    """A company's certificate counts in that company's cases, a person's in her own."""
    if certificate.company_id is not None:
        return certificate.company_id == claimed.company_id
    return certificate.person_id == claimed.person_id


def _access(certificate: Certificate | None, claimed: Claimed) -> Access:
    """A footprint only for the applicant's own certificate.

    The holder of a certificate that a stranger claimed must not see the stranger's case number.
    """
    is_own = (
        certificate is not None
        and certificate.company_id is None
        and _is_holder(certificate, claimed)
    )
    return Access(
        footprint_id=claimed.claim_id,
        person_id=claimed.person_id if is_own else None,
        at=clock.now(),
        department_code=claimed.department_code,
        department_name=None,
        post="系统核验",
        actor_id=None,
        fields=FIELDS,
        case_id=claimed.case_id,
        case_no=claimed.case_no,
        ground=f"办理“{claimed.item_name}”：申请人以电子证照代替材料",
    )
