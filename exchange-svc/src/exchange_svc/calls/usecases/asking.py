"""Answer a department's system, within its grant, for a live case, and on the record."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import clock
from chassis.auth import Actor
from chassis.errors import ServiceError
from chassis.settings import context
from chassis.signing import sign
from exchange_svc.calls import queries
from exchange_svc.calls.errors import FieldsNotGranted, NoGrant, NoSubjectLink, QuotaUsedUp
from exchange_svc.calls.models import CaseLink, QuotaUse
from exchange_svc.calls.rules.questions import LIVE, Question, Wanted, only, seconds_to_midnight
from exchange_svc.calls.usecases.looks import Look, record_look
from exchange_svc.directory.models import Resource
from exchange_svc.directory.usecases import shared_resource
from exchange_svc.grants.models import Grant
from exchange_svc.grants.queries import grants_in_force
from exchange_svc.parties.queries import find_company, find_person

ANSWER_TYPE = "onenet-answer+jwt"
ReadRecords = Callable[[AsyncSession, Wanted], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True)
class Answer:
    call_id: UUID
    answered_at: datetime
    records: list[dict[str, Any]]
    signature: str
    quota: int
    remaining: int


async def ask(
    session: AsyncSession, actor: Actor, question: Question, read: ReadRecords
) -> Answer | ServiceError:
    """The answer, or the refusal to send; both stand in the ledger."""
    resource = await shared_resource(session, actor, question.resource_code)
    department = actor.department or ""
    try:
        grant = await _fitting_grant(session, department, resource, question)
        case = await _subject_case(session, department, question)
        used = await _use_quota(session, grant)
    except (NoGrant, FieldsNotGranted, NoSubjectLink, QuotaUsedUp) as refused:
        await _record(session, actor, question, case=None, outcome=refused.slug)
        return refused
    wanted = Wanted(
        provider_code=resource.provider_code,
        certificate_type=resource.certificate_type,
        person_id=case.person_id,
        company_id=case.company_id,
        certificate_code=question.certificate_code,
    )
    found = [only(question.fields, record) for record in await read(session, wanted)]
    call_id = await _record(session, actor, question, case=case, outcome=f"answered {len(found)}")
    moment = clock.now()
    signed = await _sign(session, actor, question, call_id=call_id, moment=moment, records=found)
    return Answer(call_id, moment, found, signed, grant.quota_per_day, grant.quota_per_day - used)


async def _fitting_grant(
    session: AsyncSession, department: str, resource: Resource, question: Question
) -> Grant:
    """Of several grants one that covers all fields; what the resource lost no grant gives."""
    grants = await grants_in_force(session, department, resource.code)
    if not grants or not resource.is_shared:
        raise NoGrant(code=resource.code)
    asked = set(question.fields)
    for grant in grants:
        if asked <= set(grant.fields) & resource.field_names():
            return grant
    missing = asked - (set(grants[0].fields) & resource.field_names())
    raise FieldsNotGranted(fields=", ".join(sorted(missing)))


async def _subject_case(session: AsyncSession, department: str, question: Question) -> CaseLink:
    """One answer for an unknown case, another's case and another subject: nothing leaks."""
    case = await queries.find_case(session, question.case_no)
    if case is None or case.department_code != department or case.status not in LIVE:
        raise NoSubjectLink
    if question.certificate_code is None and not await _is_subject(session, case, question):
        raise NoSubjectLink
    return case


async def _is_subject(session: AsyncSession, case: CaseLink, question: Question) -> bool:
    if case.company_id is not None:
        company = await find_company(session, case.company_id)
        return company is not None and company.uscc == question.uscc
    person = await find_person(session, case.person_id)
    if person is None or question.id_number is None:
        return False
    number = context(session).vault.decrypt(person.id_number)
    return secrets.compare_digest(number.encode(), question.id_number.encode())


async def _use_quota(session: AsyncSession, grant: Grant) -> int:
    """Counted in one statement: parallel questions cannot both take the last one."""
    statement = insert(QuotaUse).values(grant_id=grant.grant_id, day=clock.today(), used=1)
    counted = statement.on_conflict_do_update(
        index_elements=["grant_id", "day"],
        set_={"used": QuotaUse.used + 1},
        where=QuotaUse.used < grant.quota_per_day,
    ).returning(QuotaUse.used)
    used = await session.scalar(counted)
    if used is None:
        wait = seconds_to_midnight(clock.now(), clock.SHANGHAI)
        raise QuotaUsedUp(quota=grant.quota_per_day, retry_after=wait)
    return used


async def _record(
    session: AsyncSession, actor: Actor, question: Question, *, case: CaseLink | None, outcome: str
) -> UUID:
    """A footprint where a person's data went out, a ledger entry in any case."""
    personal = case is not None and case.company_id is None
    look = Look(
        footprint_id=clock.new_id(),
        person_id=case.person_id if case is not None and personal else None,
        at=clock.now(),
        department_code=actor.department,
        department_name=None,
        post="系统查询",
        actor_id=actor.id,
        fields=list(question.fields),
        case_id=case.case_id if case else None,
        case_no=question.case_no,
        ground=question.purpose,
    )
    await record_look(session, look, seen=question.resource_code, outcome=outcome)
    return look.footprint_id


async def _sign(
    session: AsyncSession,
    actor: Actor,
    question: Question,
    *,
    call_id: UUID,
    moment: datetime,
    records: Sequence[dict[str, Any]],
) -> str:
    content = {
        "iss": context(session).settings.issuer,
        "aud": actor.department,
        "iat": int(moment.timestamp()),
        "jti": str(call_id),
        "resource_code": question.resource_code,
        "case_no": question.case_no,
        "purpose": question.purpose,
        "fields": list(question.fields),
        "records": records,
    }
    return await sign(session, content, typ=ANSWER_TYPE)
