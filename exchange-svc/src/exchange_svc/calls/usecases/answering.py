"""Answer a department's system within its grant, for a live case, and record the access."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from chassis import clock
from chassis.auth import Actor
from chassis.database.sessions import WriteSession, process_of
from chassis.errors import ServiceError
from chassis.signing import sign
from exchange_svc.calls import queries
from exchange_svc.calls.errors import FieldsNotGranted, NoGrant, NoSubjectLink, QuotaExceeded
from exchange_svc.calls.models import CaseLink, QuotaUse
from exchange_svc.calls.rules.questions import (
    LIVE,
    Question,
    RecordRequest,
    seconds_to_midnight,
    select_fields,
)
from exchange_svc.calls.usecases.accesses import Access, record_access
from exchange_svc.directory.models import Resource
from exchange_svc.directory.usecases import shared_resource
from exchange_svc.grants.models import Grant
from exchange_svc.grants.queries import grants_in_force

ANSWER_TYPE = "onenet-answer+jwt"
ReadRecords = Callable[[WriteSession, RecordRequest], Awaitable[list[dict[str, Any]]]]


@dataclass(frozen=True)
class Answer:
    call_id: UUID
    answered_at: datetime
    records: list[dict[str, Any]]
    signature: str
    quota: int
    remaining: int


async def answer_question(
    session: WriteSession, actor: Actor, question: Question, read: ReadRecords
) -> Answer | ServiceError:
    """The answer, or the refusal to send; the ledger records both."""
    resource = await shared_resource(session, actor, question.resource_code)
    department = actor.department or ""
    try:
        grant = await _covering_grant(session, department, resource, question)
        case = await _subject_case(session, department, question)
        used = await _use_quota(session, grant)
    except (NoGrant, FieldsNotGranted, NoSubjectLink, QuotaExceeded) as refusal:
        await _record(session, actor, question, case=None, outcome=refusal.slug)
        return refusal
    request = RecordRequest(
        provider_code=resource.provider_code,
        certificate_type=resource.certificate_type,
        person_id=case.person_id,
        company_id=case.company_id,
        certificate_code=question.certificate_code,
    )
    records = [select_fields(question.fields, row) for row in await read(session, request)]
    outcome = f"answered {len(records)}"
    call_id = await _record(session, actor, question, case=case, outcome=outcome)
    moment = clock.now()
    signature = await _sign(session, actor, question, call_id, moment, records)
    remaining = grant.quota_per_day - used
    return Answer(call_id, moment, records, signature, grant.quota_per_day, remaining)


async def _covering_grant(
    session: WriteSession, department: str, resource: Resource, question: Question
) -> Grant:
    """A grant that covers all fields; a field that the resource has lost is never covered."""
    grants = await grants_in_force(session, department, resource.code)
    if not grants or not resource.is_shared:
        raise NoGrant(code=resource.code)
    fields = set(question.fields)
    for grant in grants:
        if fields <= set(grant.fields) & resource.field_names():
            return grant
    missing = fields - (set(grants[0].fields) & resource.field_names())
    raise FieldsNotGranted(fields=", ".join(sorted(missing)))


async def _subject_case(session: WriteSession, department: str, question: Question) -> CaseLink:
    """The live case of this department, when the question names its subject.

    The refusal is the same for an unknown case, another department's case and another subject.
    """
    row = await queries.find_subject_case(session, question.case_no)
    if row is None or row.case.department_code != department or row.case.status not in LIVE:
        raise NoSubjectLink
    if question.certificate_code is not None:
        return row.case
    if row.case.company_id is not None:
        is_subject = row.uscc is not None and row.uscc == question.uscc
    elif row.id_number is not None and question.id_number is not None:
        id_number = process_of(session).vault.decrypt(row.id_number)
        is_subject = secrets.compare_digest(id_number.encode(), question.id_number.encode())
    else:
        is_subject = False
    if not is_subject:
        raise NoSubjectLink
    return row.case


async def _use_quota(session: WriteSession, grant: Grant) -> int:
    """Counted in one statement, so that parallel questions cannot both take the last one."""
    statement = insert(QuotaUse).values(grant_id=grant.grant_id, day=clock.today(), used=1)
    counted = statement.on_conflict_do_update(
        index_elements=["grant_id", "day"],
        set_={"used": QuotaUse.used + 1},
        where=QuotaUse.used < grant.quota_per_day,
    ).returning(QuotaUse.used)
    used = await session.scalar(counted)
    if used is None:
        wait = seconds_to_midnight(clock.now(), clock.SHANGHAI)
        raise QuotaExceeded(quota=grant.quota_per_day, retry_after=wait)
    return used


async def _record(
    session: WriteSession, actor: Actor, question: Question, *, case: CaseLink | None, outcome: str
) -> UUID:
    """A footprint where a person's data were sent, a ledger entry in any case."""
    is_personal = case is not None and case.company_id is None
    access = Access(
        footprint_id=clock.new_id(),
        person_id=case.person_id if case is not None and is_personal else None,
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
    await record_access(session, access, subject=question.resource_code, outcome=outcome)
    return access.footprint_id


async def _sign(
    session: WriteSession,
    actor: Actor,
    question: Question,
    call_id: UUID,
    moment: datetime,
    records: Sequence[dict[str, Any]],
) -> str:
    content = {
        "iss": process_of(session).settings.issuer,
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
