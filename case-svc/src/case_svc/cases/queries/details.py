"""A case with all that is shown of it, by one statement (decision 0018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import JSON
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from case_svc.cases.clock import Calendar
from case_svc.cases.errors import CaseNotFound
from case_svc.cases.models import (
    Case,
    CaseCertificate,
    CaseClock,
    CaseInterval,
    CaseMaterial,
    CaseOpinion,
    CaseTask,
)
from case_svc.cases.queries.calendar import NAME, calendar_named
from case_svc.cases.queries.cases import door
from case_svc.cases.queries.ground import YEARS_AHEAD
from case_svc.cases.queries.together import read_together
from case_svc.parties.models import Company, Person
from case_svc.tables import Base, shown_row
from chassis.auth import Actor
from chassis.clock import today
from chassis.db import driver


@dataclass(frozen=True)
class Detail:
    """To be read only; `tasks` holds the present one, `materials` what was not replaced."""

    case: Case
    person: Person | None
    company: Company | None
    tasks: list[CaseTask]
    materials: list[CaseMaterial]
    clocks: list[CaseClock]
    intervals: list[CaseInterval]
    opinions: list[CaseOpinion]
    certificates: list[CaseCertificate]


@dataclass(frozen=True)
class Timed:
    """What the clocks of a case rest on."""

    case: Case
    clocks: list[CaseClock]
    intervals: list[CaseInterval]


# Of each part: which rows, and their order.
_PARTS: Final[dict[str, tuple[type[Base], str, str]]] = {
    "tasks": (CaseTask, "status IN ('open', 'held')", "task_id"),
    "materials": (CaseMaterial, "replaced_at IS NULL", "case_material_id"),
    "clocks": (CaseClock, "true", "started_at, clock_id"),
    "intervals": (CaseInterval, "true", "started_at, interval_id"),
    "opinions": (CaseOpinion, "true", "at, opinion_id"),
    "certificates": (CaseCertificate, "true", "issued_on, code"),
}


async def visible_detail(session: AsyncSession, actor: Actor, case_id: UUID) -> Detail:
    """Raises CaseNotFound when this actor may not see the case."""
    row = await _seen(session, actor, case_id, _DETAIL)
    return _detail(_case(row), row)


async def timed_case(session: AsyncSession, actor: Actor, case_id: UUID) -> tuple[Timed, Calendar]:
    """With the calendar in force, from the year in which the case began; raises CaseNotFound."""
    last = today().year + YEARS_AHEAD
    row = await _seen(session, actor, case_id, _TIMED, last)
    first = int(row["calendar"].partition("-")[0])
    parts = _TIMED_AS_JSON.validate_json(row["parts"])
    timed = Timed(_case(row), **{name: _rows(_PARTS[name][0], parts[name]) for name in _TIMING})
    return timed, await calendar_named(session, row["calendar"], first, last)


async def _seen(
    session: AsyncSession, actor: Actor, case_id: UUID, statement: str, last_year: int = 0
) -> Any:
    cases = door(actor, today())
    seen = _worded(statement, cases.text, len(cases.places) + 1, last_year)
    rows = await read_together(session, seen, (*cases.values(), case_id))
    if not rows:
        raise CaseNotFound(case_id=case_id)
    return rows[0]


@lru_cache(maxsize=4096)
def _worded(statement: str, cases: str, place: int, last_year: int) -> str:
    calendar = NAME.format(first=_BEGAN, last=last_year)
    return statement.format(cases=cases, place=place, calendar=calendar)


def _case(row: Any) -> Case:
    return shown_row(Case, dict(zip(_CASE, row, strict=False)))  # the door's columns come first


async def detail_of(session: AsyncSession, case: Case) -> Detail:
    """Of a case the session holds, with what it has changed about it."""
    await session.flush()
    database = await driver(session)
    return _detail(case, await database.fetchrow(_KNOWN, case.case_id))


def _detail(case: Case, row: Any) -> Detail:
    parts = _PARTS_AS_JSON.validate_json(row["parts"])
    known, company = row["their_version"] is not None, parts["company"]
    person = {one: row[f"their_{one}"] for one in _PERSON}
    return Detail(
        case=case,
        person=shown_row(Person, person) if known else None,
        company=shown_row(Company, company) if company else None,
        **{name: _rows(kind, parts[name]) for name, (kind, *_) in _PARTS.items()},
    )


def _rows(kind: type[Base], given: Sequence[dict[str, Any]]) -> list[Any]:
    return [shown_row(kind, one) for one in given]


def _shape(kind: type[Base]) -> Any:
    """A row of the table as JSON tells it."""
    columns = {column.name: _annotation(column) for column in kind.__table__.columns}
    return TypedDict(f"{kind.__name__}Row", columns)  # type: ignore[operator]


def _annotation(column: Any) -> Any:
    if isinstance(column.type, JSON):
        return Any
    return column.type.python_type | None if column.nullable else column.type.python_type


def _listed(name: str) -> str:
    kind, which, order = _PARTS[name]
    ordered = ", ".join(f"one.{column}" for column in order.split(", "))
    return (
        f"'{name}', (SELECT coalesce(json_agg(one ORDER BY {ordered}), '[]')"  # noqa: S608 - our own models
        f" FROM {kind.__tablename__} AS one WHERE one.case_id = seen.case_id AND {which})"
    )


_CASE: Final = [column.name for column in Case.__table__.columns]
_PERSON: Final = [column.name for column in Person.__table__.columns]
_LISTS: Any = {name: list[_shape(kind)] for name, (kind, *_) in _PARTS.items()}  # type: ignore[misc]
_PARTS_AS_JSON: Final[TypeAdapter[Any]] = TypeAdapter(
    TypedDict("_Parts", {"company": _shape(Company) | None, **_LISTS})  # type: ignore[operator]
)
_DETAIL: Final = f"""
SELECT seen.*,
  {", ".join(f"person.{one} AS their_{one}" for one in _PERSON)}, json_build_object(
  'company', (SELECT row_to_json(one) FROM company AS one WHERE one.company_id = seen.company_id),
  {", ".join(_listed(name) for name in _PARTS)})::text AS parts
FROM ({{cases}}) AS seen LEFT JOIN person ON person.person_id = seen.person_id
WHERE seen.case_id = ${{place}}::UUID"""  # noqa: S608 - built from our own models
_KNOWN: Final = _DETAIL.format(cases="SELECT * FROM case_file", place=1)
_TIMING: Final = ("clocks", "intervals")
_TIMED_AS_JSON: Final[TypeAdapter[Any]] = TypeAdapter(
    TypedDict("_TimedParts", {name: _LISTS[name] for name in _TIMING})  # type: ignore[operator]
)
_TIMED: Final = f"""
SELECT seen.*, ({{calendar}}) AS calendar,
  json_build_object({", ".join(_listed(name) for name in _TIMING)})::text AS parts
FROM ({{cases}}) AS seen WHERE seen.case_id = ${{place}}::UUID"""  # noqa: S608 - built from our own models
_BEGAN: Final = "extract(year FROM seen.created_at AT TIME ZONE 'Asia/Shanghai')"
