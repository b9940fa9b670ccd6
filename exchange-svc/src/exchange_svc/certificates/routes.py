"""Certificates: the holder's, the department's, and the public's questions about them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis import clock
from chassis.auth import Actor, Anyone, Citizen, requires
from chassis.db import ReadSession, Session, context
from chassis.errors import Forbidden, Stale, Unauthenticated
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.preconditions import OptionalMatch, public_read, set_tag
from chassis.problems import problems
from exchange_svc.certificates import queries
from exchange_svc.certificates.errors import CertificateNotFound, IllegalStatus
from exchange_svc.certificates.policies import may_change
from exchange_svc.certificates.rules.validity import Action, allowed
from exchange_svc.certificates.schemas import (
    CertificateDetailOut,
    CertificateOut,
    DocumentOut,
    StatusChangeIn,
    VerificationOut,
    detail,
    summary,
    verification,
)
from exchange_svc.certificates.usecases import showing

router = APIRouter(prefix="/api/v1", tags=["certificates"])
SIGNED_IN = problems(Unauthenticated, Forbidden, CertificateNotFound)

HolderOrStaff = Annotated[Actor, Depends(requires(kind=("citizen", "staff")))]
ChangingStaff = Annotated[
    Actor, Depends(requires(kind="staff", roles=("decider", "department_admin")))
]


@router.get("/me/certificates", responses=problems(Unauthenticated, Forbidden, BadCursor))
async def list_my_certificates(
    actor: Citizen,
    session: ReadSession,
    page: PageQuery,
    company_id: Annotated[UUID | None, Query(description="Only this company's")] = None,
) -> Page[CertificateOut]:
    """My certificates and those of the companies I may look after, newest first."""
    window = await queries.list_held(session, actor, page, company_id=company_id)
    return page_of(window, [CertificateOut(**summary(one)) for one in window.rows])


# Declared before {code}, which would otherwise take it for a certificate.
@router.get("/certificates/verify")
async def verify_certificate(
    request: Request,
    response: Response,
    actor: Anyone,
    session: ReadSession,
    code: Annotated[str, Query(max_length=200)],
) -> VerificationOut:
    """Whether a certificate is good today. Anyone may ask; the answer is never personal."""
    status, reason, found = await showing.verify(session, code.strip())
    version = f"{found.certificate_id}.{found.version}" if found else reason
    # No age: a revocation must show at once, so caches ask again each time.
    public_read(request, response, f"{status}.{version}", 0)
    return verification(status, reason, found)


@router.get("/certificates/{code}", responses=SIGNED_IN)
async def get_certificate(
    code: str, response: Response, actor: HolderOrStaff, session: Session
) -> CertificateDetailOut:
    """Whole for the holder; masked for staff, whose look is recorded."""
    certificate = await queries.get_certificate(session, actor, code)
    face = await showing.read_face(session, actor, certificate)
    status = certificate.status_on(clock.today())
    set_tag(response, certificate.version)
    return detail(
        certificate,
        face=face,
        is_masked=actor.kind != "citizen",
        history=await queries.history(session, certificate),
        actions=allowed(status) if may_change(actor, certificate) else [],
    )


@router.get("/certificates/{code}/document", responses=SIGNED_IN)
async def get_document(code: str, actor: Citizen, session: ReadSession) -> DocumentOut:
    """The signed document, to be shown or checked anywhere."""
    document = await showing.read_document(session, actor, code)
    issuer = context(session).settings.issuer
    return DocumentOut(code=code, document=document, keys=f"{issuer}/.well-known/jwks.json")


@router.post("/certificates/{code}/{action}", responses=SIGNED_IN | problems(IllegalStatus, Stale))
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
    certificate = await showing.change_status(
        session, actor, code, action, reason=body.reason, match=match
    )
    set_tag(response, certificate.version)
    return CertificateOut(**summary(certificate))
