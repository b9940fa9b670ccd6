"""Every SELECT of the room; `visible_to` is the one door to certificates."""

from uuid import UUID

from sqlalchemy import Select, exists, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Actor
from chassis.pagination import PageRequest, Window, paginate
from exchange_svc.certificates.errors import CertificateNotFound
from exchange_svc.certificates.models import Certificate, Claim
from exchange_svc.parties.queries import companies_of


async def visible_to(session: AsyncSession, actor: Actor) -> Select[Certificate]:
    """Holders see their own and their companies'; staff what they issued or were shown."""
    statement = select(Certificate)
    if actor.kind == "citizen":
        companies = await companies_of(session, actor.id)
        own = Certificate.person_id == actor.id
        return statement.where(
            or_(own & Certificate.company_id.is_(None), Certificate.company_id.in_(companies))
        )
    if actor.kind == "staff" and actor.department is not None:
        claimed = exists().where(
            Claim.certificate_code == Certificate.code,
            Claim.department_code == actor.department,
            Claim.outcome == "valid",
        )
        return statement.where(or_(Certificate.issuer_code == actor.department, claimed))
    return statement.where(false())


async def list_held(
    session: AsyncSession, actor: Actor, page: PageRequest, *, company_id: UUID | None
) -> Window:
    statement = await visible_to(session, actor)
    if company_id is not None:
        statement = statement.where(Certificate.company_id == company_id)
    keys = [(Certificate.issued_at, "desc"), (Certificate.certificate_id, "desc")]
    return await paginate(session, statement, keys, page)  # type: ignore[arg-type]  # list of one kind


async def get_certificate(
    session: AsyncSession, actor: Actor, code: str, *, for_update: bool = False
) -> Certificate:
    """Raises CertificateNotFound for unknown and for not visible alike."""
    statement = (await visible_to(session, actor)).where(Certificate.code == code)
    if for_update:
        statement = statement.with_for_update()
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise CertificateNotFound
    return found


async def find_by_code(session: AsyncSession, code: str) -> Certificate | None:
    """Without regard to any actor: for public verification and the check of claims."""
    return (
        await session.scalars(select(Certificate).where(Certificate.code == code))
    ).one_or_none()


async def is_issued(session: AsyncSession, case_id: UUID, result_index: int) -> bool:
    statement = select(Certificate.certificate_id).where(
        Certificate.case_id == case_id, Certificate.result_index == result_index
    )
    return (await session.scalars(statement)).one_or_none() is not None
