"""The verbs of this room: register a person or a company, raise an assurance level."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of
from chassis.errors import FieldError, Invalid
from chassis.outbox import record
from identity_svc.orgs import queries as orgs
from identity_svc.orgs.models import AccountKind
from identity_svc.orgs.rules.names import is_mobile
from identity_svc.orgs.rules.passwords import is_weak
from identity_svc.orgs.usecases.accounts import WEAK_PASSWORD, open_account
from identity_svc.people import queries
from identity_svc.people.errors import AlreadyRegistered, CompanyRegistered, PersonNotFound
from identity_svc.people.events import CompanyChanged, PersonChanged, PersonRegistered
from identity_svc.people.models import Assurance, AssuranceCheck, Company, Person
from identity_svc.people.rules.numbers import (
    ABOLISHED_CITIES,
    PROVINCES,
    Fault,
    citizen_number_faults,
    is_credit_code,
)

Appoint = Callable[[WriteSession, Company], Awaitable[None]]

_FAULTS = {
    Fault.FORMAT: (
        "身份证号须为 18 位，末位可为 X",
        "An identity number has 17 digits and a digit or X",
    ),
    Fault.BIRTH_DATE: ("身份证号中的出生日期不存在", "The birth date in the number is impossible"),
    Fault.CHECK_DIGIT: ("身份证号校验位不符，请核对", "The check digit does not fit; check it"),
}
_REGION = FieldError(
    "/id_number",
    "unknown_region",
    "身份证号前六位不是已知的行政区划",
    "The first six digits are no known region",
)
_MOBILE = FieldError(
    "/mobile", "mobile", "请填写 11 位大陆手机号", "Give a mainland mobile number of 11 digits"
)
_USCC = FieldError(
    "/uscc",
    "uscc",
    "统一社会信用代码格式或校验位不符",
    "Not a unified social credit code: shape or check character do not fit",
)
_LEGAL = FieldError(
    "/legal_representative",
    "unknown_person",
    "法定代表人须先完成个人注册",
    "The legal representative must be a registered person",
)


@dataclass(frozen=True)
class Registration:
    name: str
    id_number: str
    mobile: str
    password: str


async def check_registration(session: AsyncSession, form: Registration) -> None:
    """Raise Invalid with everything that is wrong with the form."""
    number_faults = citizen_number_faults(form.id_number, today=clock.today())
    faults = [FieldError("/id_number", fault, *_FAULTS[fault]) for fault in number_faults]
    if Fault.FORMAT not in number_faults:
        region = form.id_number[:6]
        abolished = region[:4] in ABOLISHED_CITIES and region[4:] != "00"
        before_import = region[:2] in PROVINCES
        if not abolished and not await orgs.is_number_region(
            session, region, before_import=before_import
        ):
            faults.append(_REGION)
    if not is_mobile(form.mobile):
        faults.append(_MOBILE)
    if is_weak(form.password, form.id_number, form.mobile):
        faults.append(WEAK_PASSWORD)
    if faults:
        raise Invalid(faults)


async def register_person(
    session: WriteSession, form: Registration, *, password_hash: str
) -> Person:
    """Open a citizen's account from a form that was checked before its password was hashed."""
    person_id = clock.new_id()
    opened = await open_account(
        session,
        person_id,
        AccountKind.CITIZEN,
        password_hash=password_hash,
        names={"id_number": form.id_number, "mobile": form.mobile},
    )
    if not opened:
        raise AlreadyRegistered
    vault = process_of(session).vault
    person = Person(
        id=person_id,
        name_box=vault.encrypt(form.name),
        id_number_box=vault.encrypt(form.id_number),
        id_number_digest=vault.digest(form.id_number, purpose="id_number"),
        mobile_box=vault.encrypt(form.mobile),
        mobile_digest=vault.digest(form.mobile, purpose="mobile"),
        level=Assurance.REAL_NAME,
        version=1,
    )
    session.add(person)
    event = PersonRegistered(person_id=person.id, level=person.level, version=person.version)
    await record(session, event, sealed=_sealed(session, person))
    return person


async def raise_assurance(
    session: WriteSession, actor: Actor, person_id: UUID, *, level: Assurance, ground: str
) -> Person:
    """Record that staff checked the person's papers, and the level this gives."""
    person = await queries.person(session, person_id, for_update=True)
    person.raise_to(level)
    session.add(
        AssuranceCheck(
            person_id=person.id,
            level=level,
            ground=ground,
            staff_id=actor.id,
            department_code=actor.department,
        )
    )
    await publish_person(session, person)
    return person


async def publish_person(session: WriteSession, person: Person) -> None:
    event = PersonChanged(person_id=person.id, level=person.level, version=person.version)
    await record(session, event, sealed=_sealed(session, person))


async def register_company(
    session: WriteSession,
    actor: Actor,
    *,
    name: str,
    uscc: str,
    legal_representative: UUID,
    appoint: Appoint,
) -> Company:
    """Register a company at the counter; `appoint` gives its legal representative every power."""
    faults = [] if is_credit_code(uscc) else [_USCC]
    try:
        await queries.person(session, legal_representative)
    except PersonNotFound:
        faults.append(_LEGAL)
    if faults:
        raise Invalid(faults)
    statement = (
        insert(Company)
        .values(
            id=clock.new_id(),
            name=name,
            uscc=uscc,
            legal_person_id=legal_representative,
            active=True,
            version=1,
            registered_by=actor.id,
        )
        .on_conflict_do_nothing(index_elements=["uscc"])
        .returning(Company)
    )
    company = await session.scalar(statement)
    if company is None:
        raise CompanyRegistered(uscc=uscc)
    await publish_company(session, company)
    await appoint(session, company)
    return company


async def publish_company(session: WriteSession, company: Company) -> None:
    await record(
        session,
        CompanyChanged(
            company_id=company.id,
            name=company.name,
            uscc=company.uscc,
            legal_person_id=company.legal_person_id,
            active=company.active,
            version=company.version,
        ),
    )


def _sealed(session: WriteSession, person: Person) -> dict[str, dict[str, Any]]:
    vault = process_of(session).vault
    content = {
        "name": vault.decrypt(person.name_box),
        "id_number": vault.decrypt(person.id_number_box),
        "mobile": vault.decrypt(person.mobile_box),
    }
    return {"case": content, "exchange": content}
