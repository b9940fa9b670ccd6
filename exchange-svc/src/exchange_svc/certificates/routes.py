"""Certificates for their holders, for departments, and for public verification."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis import clock
from chassis.auth import Actor, Anyone, Citizen, requires
from chassis.database.sessions import ReadSession, WriteSession, process_of
from chassis.errors import Forbidden, Stale, Unauthenticated
from chassis.http.route import TransactionRoute
from chassis.pagination import BadCursor, Page, PageQuery, page_of
from chassis.preconditions import OptionalMatch, public_read, set_tag
from chassis.problems import problems
from exchange_svc.certificates import queries
from exchange_svc.certificates.errors import CertificateNotFound, IllegalStatus
from exchange_svc.certificates.models import Certificate
from exchange_svc.certificates.policies import may_change
from exchange_svc.certificates.rules.validity import Action, allowed
from exchange_svc.certificates.schemas import (
    CertificateDetailOut,
    CertificateOut,
    DocumentOut,
    StatusChangeIn,
    VerificationOut,
    certificate_out,
    detail_out,
    verification_out,
)
from exchange_svc.certificates.usecases import showing

router = APIRouter(route_class=TransactionRoute, prefix="/api/v1", tags=["certificates"])
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
    return page_of(window, [certificate_out(certificate) for certificate in window.rows])


# Declared before `{code}`, which would match `verify` as well.
@router.get("/certificates/verify")
async def verify_certificate(
    request: Request,
    response: Response,
    actor: Anyone,
    session: ReadSession,
    code: Annotated[str, Query(max_length=200)],
) -> VerificationOut:
    """Whether a certificate is valid today. Anyone may ask; the answer is never personal."""
    status, reason, certificate = await showing.verify(session, code.strip())
    version = f"{certificate.certificate_id}.{certificate.version}" if certificate else reason
    # No age: a revocation must show at once, so caches revalidate each time.
    public_read(request, response, f"{status}.{version}", 0)
    return verification_out(status, reason, certificate)


@router.get("/certificates/{code}", responses=SIGNED_IN)
async def get_certificate(
    code: str, response: Response, actor: HolderOrStaff, session: WriteSession
) -> CertificateDetailOut:
    """In full for the holder; masked for staff, whose access is recorded."""
    certificate = await queries.get_certificate(session, actor, code)
    return await _detail(session, actor, response, certificate)


@router.get("/certificates/{code}/document", responses=SIGNED_IN)
async def get_document(code: str, actor: Citizen, session: ReadSession) -> DocumentOut:
    """The signed document, which anyone can check against the published key."""
    document = await showing.read_document(session, actor, code)
    issuer = process_of(session).settings.issuer
    return DocumentOut(code=code, document=document, keys=f"{issuer}/.well-known/jwks.json")


@router.post("/certificates/{code}/{action}", responses=SIGNED_IN | problems(IllegalStatus, Stale))
async def change_status(
    code: str,
    action: Action,
    body: StatusChangeIn,
    match: OptionalMatch,
    response: Response,
    actor: ChangingStaff,
    session: WriteSession,
) -> CertificateDetailOut:
    """Suspend, resume or revoke a certificate of one's own department, with the reason."""
    certificate = await showing.change_status(
        session, actor, code, action, reason=body.reason, match=match
    )
    response.headers["Content-Location"] = f"/api/v1/certificates/{certificate.code}"
    return await _detail(session, actor, response, certificate)


async def _detail(
    session: WriteSession, actor: Actor, response: Response, certificate: Certificate
) -> CertificateDetailOut:
    face = await showing.read_face(session, actor, certificate)
    status = certificate.status_on(clock.today())
    set_tag(response, certificate.version)
    return detail_out(
        certificate,
        face=face,
        is_masked=actor.kind != "citizen",
        history=await queries.history(session, certificate),
        actions=allowed(status) if may_change(actor, certificate) else [],
    )
