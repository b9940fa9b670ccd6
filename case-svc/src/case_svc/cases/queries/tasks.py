"""Tasks of the actor's department and region, as the queue shows them."""

from collections import namedtuple
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import (
    JSON,
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from case_svc.cases import policies
from case_svc.cases.clock import Calendar
from case_svc.cases.errors import TaskNotFound
from case_svc.cases.models import Case, CaseTask
from case_svc.cases.queries.calendar import calendar_named, in_force, load_calendar
from case_svc.cases.queries.cases import within
from case_svc.cases.queries.ground import YEARS_AHEAD
from case_svc.cases.queries.together import read_page
from case_svc.cases.steps import Stage
from case_svc.tables import Base
from chassis.auth import Actor
from chassis.clock import today
from chassis.db import Plain, as_plain
from chassis.pagination import PageRequest, Window, after_of

# What the queue shows of a case, and what tells what may be done with it.
_SHOWN: Final = (
    "case_id",
    "case_no",
    "item_id",
    "item_name",
    "status",
    "project_type",
    "department_code",
    "department_name",
    "accepted_by",
    "correction",
    "extension",
)
_TASK: Final = [
    column.name
    for column in CaseTask.__table__.columns
    if column.name not in ("limit_value", "limit_unit", "done_by")
]
_WIDTH: Final = len(_TASK) + len(_SHOWN)
# Which task, and by which transaction and where its rows were written: once changed, another.
_VERSION: Final = literal_column(
    "concat_ws(' ', case_task.task_id, case_task.xmin, case_task.ctid,"
    " case_file.xmin, case_file.ctid)",
    Text,
)
# Words and not values, so that the partial indexes of what is not finished can serve.
_OPEN: Final = text("case_task.status = 'open'")
_PRESENT: Final = text("case_task.status IN ('open', 'held')")
_DONE: Final = text("case_task.status = 'done'")


@dataclass(frozen=True)
class Queue:
    """A page of tasks with their cases, and the calendar in force when it was read.

    The cases hold what is shown of them, no personal data.
    """

    window: Window
    calendar: Calendar


async def list_tasks(session: AsyncSession, actor: Actor, scope: str, page: PageRequest) -> Queue:
    """Oldest due first; what is done, latest first."""
    key, kind = ("done_at", datetime) if scope == "done" else ("due_on", date)
    after = after_of(page, [kind, UUID])
    given = {} if after is None else {"moment": after[0], "task_id": after[1]}
    years = calendar_years()
    bounded = partial(_listed, actor, scope, years, after is not None)
    window = await read_page(session, page, bounded, [key, "task_id"], **given)
    pairs = Window([_pair(_Read(row)) for row in window.rows], window.next, window.count)
    if not window.rows:
        return Queue(pairs, await load_calendar(session, *years))
    return Queue(pairs, await calendar_named(session, window.rows[0]["calendar"], *years))


def calendar_years() -> tuple[int, int]:
    """Those in which a task may have begun, or may end."""
    year = today().year
    return year - 1, year + YEARS_AHEAD


async def find_task(session: AsyncSession, actor: Actor, task_id: UUID) -> tuple[CaseTask, Case]:
    """The task and its case if this officer may know of them."""
    statement = select(CaseTask, Case).join(Case, Case.case_id == CaseTask.case_id)
    known = statement.where(_known(actor), CaseTask.task_id == task_id)
    found = (await session.execute(known)).first()
    if found is None:
        raise TaskNotFound(task_id=task_id)
    return found[0], found[1]


@lru_cache(maxsize=4096)
def _listed(actor: Actor, scope: str, years: tuple[int, int], further: bool, rows: int) -> Plain:
    """Kept by actor and scope; each scope is read in the order of an index."""
    statement: Select[Any] = select(
        *(_column(CaseTask, name) for name in _TASK),
        *(_column(Case, name).label(f"its_{name}") for name in _SHOWN),
        literal_column(f"({in_force(*years)})").label("calendar"),
        _VERSION.label("version"),
    ).join(Case, Case.case_id == CaseTask.case_id)
    statement = statement.where(_known(actor), _in_scope(actor, scope))
    newest = scope == "done"
    keys = (CaseTask.done_at if newest else CaseTask.due_on, CaseTask.task_id)
    key = tuple_(*keys)
    after = tuple_(bindparam("moment", type_=keys[0].type), bindparam("task_id", type_=Uuid))
    if further:
        statement = statement.where(key < after if newest else key > after)
    ordered = statement.order_by(*(one.desc() if newest else one.asc() for one in keys))
    return as_plain(ordered.limit(literal_column(str(rows))))


def _column(kind: type[Base], name: str) -> ColumnElement[Any]:
    """JSON stays text: most lines were shown before, and are known by their values."""
    column: ColumnElement[Any] = getattr(kind, name)
    if isinstance(column.type, JSON):
        return func.nullif(cast(column, Text), "null").label(name)
    return column


def _read_from(place: int) -> property:
    """JSON is read from its text when it is asked for."""

    def read(line: tuple[Any, ...]) -> Any:
        text = line[place]
        return None if text is None else from_json(text)

    return property(read)


class _Kept:
    """The same values are the same line, see `_pair`: nothing that rests on it compares them."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


class _TaskLine(_Kept, namedtuple("_TaskLine", _TASK)):  # type: ignore[misc] # noqa: PYI024 - as the model
    """A task to be read only, without what the ORM keeps of a row."""

    __slots__ = ()
    checks = _read_from(_TASK.index("checks"))
    is_taken = CaseTask.is_taken


class _CaseLine(_Kept, namedtuple("_CaseLine", _SHOWN)):  # type: ignore[misc] # noqa: PYI024
    """What is shown of a case, likewise."""

    __slots__ = ()
    correction = _read_from(_SHOWN.index("correction"))
    extension = _read_from(_SHOWN.index("extension"))
    state, is_immediate = Case.state, Case.is_immediate


class _Read:
    """A row that is known by its version: comparing its values takes longer than finding them."""

    __slots__ = ("row", "version")

    def __init__(self, row: Any) -> None:
        self.row, self.version = row, row["version"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read) and self.version == other.version

    def __hash__(self) -> int:
        return hash(self.version)


@lru_cache(maxsize=4096)
def _pair(read: _Read) -> tuple[CaseTask, Case]:
    """Kept: who looks at a queue has mostly seen its lines before."""
    task, case = read.row[: len(_TASK)], read.row[len(_TASK) : _WIDTH]
    lines: Any = _TaskLine._make(task), _CaseLine._make(case)
    pair: tuple[CaseTask, Case] = lines
    return pair


def _in_scope(actor: Actor, scope: str) -> ColumnElement[bool]:
    scopes: dict[str, ColumnElement[bool]] = {
        "pool": and_(_OPEN, _finishable(actor)),
        "mine": and_(
            _PRESENT,
            or_(
                and_(CaseTask.status == "held", CaseTask.holder_id == actor.id),
                and_(CaseTask.status == "open", CaseTask.opened_to == actor.id),
            ),
        ),
        "department": and_(_PRESENT),
        "done": and_(CaseTask.done_by == actor.id, _DONE),
    }
    return scopes[scope]


def _known(actor: Actor) -> ColumnElement[bool]:
    """Tasks of the actor's place; a department that has a task of a case may see the case."""
    numbered = Case.case_no.is_not(None)
    if actor.kind != "staff":
        return false()
    if actor.has(policies.PLATFORM):
        return numbered
    if actor.department is None or not actor.region:
        return false()
    return and_(
        numbered,
        CaseTask.department_code == actor.department,
        *(_mostly(within(one, actor.region)) for one in (CaseTask.region_code, Case.region_code)),
    )


def _mostly(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Nearly all of a department's tasks lie where its officers work.

    PostgreSQL would take a region it does not know for one in two hundred, and sort all tasks
    instead of reading those due first; of an expression it takes half to be true.
    """
    return func.coalesce(condition, false())


def _finishable(actor: Actor) -> ColumnElement[bool]:
    """The same rule as `policies.may_finish`, as SQL."""
    stages = [
        CaseTask.stage == stage
        for stage in (Stage.ACCEPTANCE, Stage.REVIEW)
        if policies.roles_may_finish(actor.roles, stage)
    ]
    deciding = CaseTask.stage == Stage.DECISION
    own = Case.accepted_by == actor.id
    if policies.decides_on_the_spot(actor.roles):
        stages.append(and_(deciding, own, Case.project_type == "immediate"))
    if policies.roles_may_finish(actor.roles, Stage.DECISION):
        stages.append(and_(deciding, or_(Case.accepted_by.is_(None), ~own)))
    return or_(false(), *stages)
