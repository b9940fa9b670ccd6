"""Cases as rows: rating and supervision begin where handling has left its traces."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseInterval, CaseMaterial, CaseTask
from case_svc.clocks.rules.legal_time import end_of, shanghai
from chassis import clock

DEPARTMENT = "11511301008778298W"
REGION = "511602000000"


def day(text: str, hour: int = 10) -> datetime:
    """That day at this hour in Shanghai."""
    return datetime.fromisoformat(text).replace(hour=hour, tzinfo=clock.SHANGHAI)


async def make_case(session: AsyncSession, person_id: UUID, **changes: Any) -> Case:
    """A submitted personal case of the district's civil affairs office."""
    case_id = clock.new_id()
    values: dict[str, Any] = {
        "case_id": case_id,
        "case_no": f"N{case_id.hex}",
        "item_id": clock.new_id(),
        "item_version": 1,
        "item_code": "512B0003600029",
        "item_name": "最低生活保障",
        "task_type": "20",
        "project_type": "promise",
        "department_code": DEPARTMENT,
        "department_name": "区民政局",
        "region_code": REGION,
        "region_name": "广安区",
        "person_id": person_id,
        "applicant_type": "natural_person",
        "status": "submitted",
        "created_at": clock.now(),
        "submitted_at": clock.now(),
        "version": 2,
    }
    case = Case(**values | changes)
    session.add(case)
    await session.flush()
    return case


async def make_task(session: AsyncSession, case: Case, **changes: Any) -> CaseTask:
    moment = clock.now()
    values: dict[str, Any] = {
        "task_id": clock.new_id(),
        "case_id": case.case_id,
        "step": "acceptance",
        "stage": "acceptance",
        "name": "受理",
        "checks": [],
        "limit_value": 1,
        "limit_unit": "working_day",
        "department_code": case.department_code,
        "region_code": case.region_code,
        "status": "open",
        "opened_at": moment,
        "due_on": shanghai(moment) + timedelta(days=90),
        "due_at": moment + timedelta(days=90),
    }
    task = CaseTask(**values | changes)
    session.add(task)
    await session.flush()
    return task


async def make_clock(
    session: AsyncSession, case: Case, kind: str, started_at: datetime, due_on: date, **changes: Any
) -> CaseClock:
    values: dict[str, Any] = {
        "clock_id": clock.new_id(),
        "case_id": case.case_id,
        "kind": kind,
        "unit": "working_day",
        "value": 10,
        "started_at": started_at,
        "due_on": due_on,
        "due_at": end_of(due_on),
        "provisional": False,
        "calendar": "2026:1",
    }
    made = CaseClock(**values | changes)
    session.add(made)
    await session.flush()
    return made


async def make_entry(session: AsyncSession, case: Case, sequence: int, **changes: Any) -> CaseEntry:
    values: dict[str, Any] = {
        "entry_id": clock.new_id(),
        "case_id": case.case_id,
        "sequence": sequence,
        "action": "submission",
        "to_status": "submitted",
        "actor_kind": "citizen",
        "at": clock.now(),
    }
    entry = CaseEntry(**values | changes)
    session.add(entry)
    await session.flush()
    return entry


async def make_material(session: AsyncSession, case: Case, **changes: Any) -> CaseMaterial:
    values: dict[str, Any] = {
        "case_material_id": clock.new_id(),
        "case_id": case.case_id,
        "material_id": "m1",
        "name": "户口簿",
        "state": "given",
        "required": True,
        "given_at": clock.now(),
    }
    material = CaseMaterial(**values | changes)
    session.add(material)
    await session.flush()
    return material


async def make_pause(
    session: AsyncSession, case: Case, started_at: datetime, ended_at: datetime
) -> CaseInterval:
    pause = CaseInterval(
        interval_id=clock.new_id(),
        case_id=case.case_id,
        kind="expert_review",
        reason="入户调查",
        expected_days=5,
        started_at=started_at,
        started_by=clock.new_id(),
        ended_at=ended_at,
        ended_by=clock.new_id(),
    )
    session.add(pause)
    await session.flush()
    return pause
