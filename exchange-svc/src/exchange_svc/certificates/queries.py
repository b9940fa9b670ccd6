"""Every SELECT of the room; `visible_to` is the one door to certificates."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.pagination import Key, PageRequest, Window, paginate
from exchange_svc.certificates.errors import CertificateNotFound
from exchange_svc.certificates.models import Certificate, CertificateEntry, Claim
from exchange_svc.parties.queries import may_view


def visible_to(actor: Actor) -> Select[Certificate]:
    """Holders see their own and their companies'; staff what they issued or got as a material."""
    statement = select(Certificate)
    if actor.kind == "citizen":
        own = and_(Certificate.person_id == actor.id, Certificate.company_id.is_(None))
        theirs = may_view(actor.id, Certificate.company_id, Certificate.item_code)
        return statement.where(or_(own, theirs))
    if actor.kind == "staff" and actor.department is not None:
        claimed = exists().where(
            Claim.certificate_code == Certificate.code,
            Claim.department_code == actor.department,
            Claim.outcome == "valid",
        )
        issued = and_(Certificate.issuer_code == actor.department, _within(actor.region))
        return statement.where(or_(issued, claimed))
    return statement.where(false())


def _within(region: str | None) -> ColumnElement[bool]:
    """Certificates of this division and those below it; levels end at digit 2, 4, 6 and 9."""
    if not region:
        return false()
    ends = (length for length in (0, 2, 4, 6, 9) if not region[length:].strip("0"))
    return Certificate.region_code.startswith(region[: next(ends, len(region))])


async def list_held(
    session: AsyncSession, actor: Actor, page: PageRequest, *, company_id: UUID | None
) -> Window:
    statement = visible_to(actor)
    if company_id is not None:
        statement = statement.where(Certificate.company_id == company_id)
    keys: list[Key] = [(Certificate.issued_at, "desc"), (Certificate.certificate_id, "desc")]
    return await paginate(session, statement, keys, page)


async def get_certificate(
    session: AsyncSession, actor: Actor, code: str, *, for_update: bool = False
) -> Certificate:
    """Raises CertificateNotFound for an unknown and for an invisible certificate alike."""
    statement = visible_to(actor).where(Certificate.code == code)
    if for_update:
        statement = statement.with_for_update()
    certificate = await session.scalar(statement)
    if certificate is None:
        raise CertificateNotFound
    return certificate


async def find_by_code(session: AsyncSession, code: str) -> Certificate | None:
    """Whoever asks: for public verification and the check of claims."""
    return await session.scalar(select(Certificate).where(Certificate.code == code))


async def is_issued(session: AsyncSession, case_id: UUID, result_index: int) -> bool:
    statement = select(Certificate.certificate_id).where(
        Certificate.case_id == case_id, Certificate.result_index == result_index
    )
    return await session.scalar(statement) is not None


async def history(session: AsyncSession, certificate: Certificate) -> list[CertificateEntry]:
    """Oldest first."""
    statement = (
        select(CertificateEntry)
        .where(CertificateEntry.certificate_id == certificate.certificate_id)
        .order_by(CertificateEntry.at, CertificateEntry.entry_id)
    )
    return list(await session.scalars(statement))


async def claim_shown_to(
    session: AsyncSession, department_code: str | None, certificate: Certificate
) -> Claim | None:
    """The newest valid claim that gave the department access to the certificate."""
    statement = (
        select(Claim)
        .where(
            Claim.certificate_code == certificate.code,
            Claim.department_code == department_code,
            Claim.outcome == "valid",
        )
        .order_by(Claim.checked_at.desc())
        .limit(1)
    )
    return await session.scalar(statement)


async def held_of_type(
    session: AsyncSession,
    *,
    type_code: str,
    issuer_code: str,
    person_id: UUID,
    company_id: UUID | None,
    code: str | None,
) -> list[Certificate]:
    """A company's certificates, or a person's own; at most one when a code is named."""
    holder = (
        Certificate.company_id == company_id
        if company_id is not None
        else and_(Certificate.person_id == person_id, Certificate.company_id.is_(None))
    )
    statement = select(Certificate).where(
        holder, Certificate.type_code == type_code, Certificate.issuer_code == issuer_code
    )
    if code is not None:
        statement = statement.where(Certificate.code == code)
    newest = statement.order_by(Certificate.issued_at.desc(), Certificate.certificate_id)
    return list(await session.scalars(newest.limit(100)))
