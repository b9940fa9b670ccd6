"""The verbs of this room: grant, accept, revoke and expire a mandate."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession
from chassis.errors import FieldError, Invalid
from chassis.outbox import record
from chassis.preconditions import ensure_match
from identity_svc.mandates import queries
from identity_svc.mandates.errors import NotTheGrantee
from identity_svc.mandates.events import MandateChanged
from identity_svc.mandates.models import Mandate
from identity_svc.mandates.rules.lifecycle import Action, Power, Role, State
from identity_svc.people import queries as people
from identity_svc.people.models import Company
from identity_svc.settings import rules

FOR_EVER = date(9999, 12, 31)
EXPIRED_PER_TURN = 200

_GRANTEE = FieldError(
    "/grantee",
    "unknown_person",
    "没有与该姓名和号码相符的注册用户，请核对或请对方先注册",
    "No registered person has this name and number; check them, or ask the person to register",
)
_SELF = FieldError("/grantee", "self", "不能授权给自己", "You cannot give a mandate to yourself")
_PAST = FieldError(
    "/valid_from", "past", "起始日期不能早于今天", "The mandate cannot begin before today"
)
_ORDER = FieldError(
    "/valid_to", "order", "截止日期不能早于起始日期", "The mandate cannot end before it begins"
)


@dataclass(frozen=True)
class Offer:
    company_id: UUID | None
    grantee_number: str
    grantee_name: str
    powers: list[str]
    item_codes: list[str]
    valid_from: date | None
    valid_to: date


async def grant_mandate(session: WriteSession, actor: Actor, offer: Offer) -> Mandate:
    """Offer a mandate; it takes effect once the grantee accepts."""
    if offer.company_id is not None:
        await people.company(session, actor, offer.company_id)
    valid_from = offer.valid_from or clock.today()
    longest = rules(session).mandate_days
    faults = []
    if valid_from < clock.today():
        faults.append(_PAST)
    if offer.valid_to < valid_from:
        faults.append(_ORDER)
    if offer.valid_to - valid_from >= timedelta(days=longest):
        faults.append(
            FieldError(
                "/valid_to",
                "too_long",
                f"授权最长 {longest} 天",
                f"A mandate lasts at most {longest} days",
            )
        )
    grantee = await people.person_named(
        session, number=offer.grantee_number, name=offer.grantee_name
    )
    if grantee is None:
        faults.append(_GRANTEE)
    elif grantee.id == actor.id:
        faults.append(_SELF)
    if faults or grantee is None:
        raise Invalid(faults)
    mandate = Mandate(
        company_id=offer.company_id,
        grantor_person_id=None if offer.company_id else actor.id,
        grantee_person_id=grantee.id,
        role=Role.AGENT,
        powers=offer.powers,
        item_codes=offer.item_codes,
        valid_from=valid_from,
        valid_to=offer.valid_to,
        status=State.PENDING,
        granted_by=actor.id,
        version=1,
    )
    session.add(mandate)
    await publish_mandate(session, mandate)
    return mandate


async def appoint_legal_representative(session: WriteSession, company: Company) -> None:
    """The legal representative has every power, without an end, as the register says."""
    mandate = Mandate(
        company_id=company.id,
        grantor_person_id=None,
        grantee_person_id=company.legal_person_id,
        role=Role.LEGAL_REPRESENTATIVE,
        powers=[str(power) for power in Power],
        item_codes=["*"],
        valid_from=clock.today(),
        valid_to=FOR_EVER,
        status=State.ACTIVE,
        granted_by=company.registered_by,
        version=1,
    )
    session.add(mandate)
    await publish_mandate(session, mandate)


async def accept_mandate(
    session: WriteSession, actor: Actor, mandate_id: UUID, *, match: str | None
) -> Mandate:
    mandate = await queries.mandate(session, actor, mandate_id)
    if mandate.grantee_person_id != actor.id:
        raise NotTheGrantee
    ensure_match(match, mandate.version)
    if mandate.valid_to < clock.today():
        # `expire_mandates` has not reached it yet; the answer is the same.
        mandate.status = State.EXPIRED
    mandate.move(Action.ACCEPT)
    await publish_mandate(session, mandate)
    return mandate


async def revoke_mandate(
    session: WriteSession, actor: Actor, mandate_id: UUID, *, match: str | None
) -> Mandate:
    """End a mandate, as its grantor or as its grantee, with immediate effect."""
    mandate = await queries.mandate(session, actor, mandate_id)
    ensure_match(match, mandate.version)
    mandate.move(Action.REVOKE)
    mandate.ended_by = actor.id
    await publish_mandate(session, mandate)
    return mandate


async def expire_mandates(session: WriteSession) -> None:
    """One turn of a loop: expire mandates whose last day is over."""
    today = clock.today()
    for mandate in await queries.overdue_mandates(session, on=today, limit=EXPIRED_PER_TURN):
        mandate.move(Action.EXPIRE)
        await publish_mandate(session, mandate)


async def publish_mandate(session: WriteSession, mandate: Mandate) -> None:
    await session.flush()
    await record(
        session,
        MandateChanged(
            mandate_id=mandate.id,
            company_id=mandate.company_id,
            grantor_person_id=mandate.grantor_person_id,
            grantee_person_id=mandate.grantee_person_id,
            powers=mandate.powers,
            item_codes=mandate.item_codes,
            valid_from=mandate.valid_from,
            valid_to=mandate.valid_to,
            status=mandate.status,
            version=mandate.version,
        ),
    )
