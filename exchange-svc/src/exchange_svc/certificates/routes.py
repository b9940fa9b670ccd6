"""Certificates: the holder's, the department's, and the public's questions about them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from chassis import clock
from chassis.auth import Actor, Anyone, Citizen, requires
from chassis.conditional import OptionalMatch, ensure_match, set_tag
from chassis.db import ReadSession, Session
from chassis.errors import Forbidden, Stale
from chassis.pagination import Page, PageQuery, page_of
from chassis.problems import problems
from exchange_svc.certificates import queries
from exchange_svc.certificates.errors import CertificateNotFound, IllegalStatus
from exchange_svc.certificates.models import Certificate
from exchange_svc.certificates.schemas import (
    CertificateDetailOut,
    CertificateOut,
    DocumentOut,
    HolderOut,
    IssuerOut,
    StatusChangeIn,
    VerificationOut,
)
from exchange_svc.certificates.usecases import showing
from exchange_svc.certificates.validity import Action

router = APIRouter(prefix="/api/v1", tags=["certificates"])

HolderOrStaff = Annotated[Actor, Depends(requires(kind=("citizen", "staff")))]
ChangingStaff = Annotated[
    Actor, Depends(requires(kind="staff", roles=("decider", "department_admin")))
]


@router.get("/me/certificates")
async def list_my_certificates(
    actor: Citizen, session: ReadSession, page: PageQuery, company_id: UUID | None = None
) -> Page[CertificateOut]:
    """My certificates and those of the companies I may look after, newest first."""
    window = await queries.list_held(session, actor, page, company_id=company_id)
    return page_of(window, [CertificateOut(**_summary(one)) for one in window.rows])


# Declared before {code}, which would otherwise take it for a certificate.
@router.get("/certificates/verify")
async def verify_certificate(
    actor: Anyone, session: ReadSession, code: Annotated[str, Query(max_length=200)]
) -> VerificationOut:
    """Whether a certificate is good today. Anyone may ask; the answer is never personal."""
    status, reason, found = await showing.verify(session, code)
    return VerificationOut(
        status=status,
        reason=reason,
        type=found.type_code if found else None,
        name=found.name if found else None,
        issuer=found.issuer_name if found else None,
        issued_on=found.issued_on if found else None,
        valid_to=found.valid_to if found else None,
        fields=found.public_fields if found else {},
    )


@router.get("/certificates/{code}", responses=problems(CertificateNotFound))
async def get_certificate(
    code: str, response: Response, actor: HolderOrStaff, session: Session
) -> CertificateDetailOut:
    """Whole for the holder; masked for staff, whose look is recorded."""
    certificate = await queries.get_certificate(session, actor, code)
    face = await showing.read_face(session, actor, certificate)
    set_tag(response, certificate.version)
    return CertificateDetailOut(
        **_summary(certificate),
        case_no=certificate.case_no,
        issuer=IssuerOut(code=certificate.issuer_code, name=certificate.issuer_name),
        holder=HolderOut(**face["holder"]),
        fields=face["fields"],
        version=certificate.version,
    )


@router.get("/certificates/{code}/document", responses=problems(CertificateNotFound))
async def get_document(code: str, actor: Citizen, session: ReadSession) -> DocumentOut:
    """The signed document, to be shown or checked anywhere."""
    return DocumentOut(code=code, document=await showing.read_document(session, actor, code))


@router.post(
    "/certificates/{code}/{action}",
    responses=problems(CertificateNotFound, IllegalStatus, Forbidden, Stale),
)
async def change_status(
    code: str,
    action: Action,
    body: StatusChangeIn,
    match: OptionalMatch,
    response: Response,
    actor: ChangingStaff,
    session: Session,
) -> CertificateOut:
    """Suspend, resume or revoke a certificate of one's own department, with the reason."""
    before = await queries.get_certificate(session, actor, code, for_update=True)
    ensure_match(match, before.version)
    certificate = await showing.change_status(session, actor, code, action, body.reason)
    set_tag(response, certificate.version)
    return CertificateOut(**_summary(certificate))


def _summary(one: Certificate) -> dict[str, object]:
    base = f"/api/v1/certificates/{one.code}"
    return {
        "code": one.code,
        "type": one.type_code,
        "name": one.name,
        "status": one.status_on(clock.today()),
        "issued_on": one.issued_on,
        "valid_to": one.valid_to,
        "case_id": one.case_id,
        "company_id": one.company_id,
        "links": {
            "self": base,
            "document": f"{base}/document",
            "verify": f"/api/v1/certificates/verify?code={one.code}",
            "case": f"/api/v1/cases/{one.case_id}",
        },
    }
