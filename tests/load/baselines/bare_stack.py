"""The bare stack: a minimal FastAPI + SQLAlchemy application on the case service's own tables.

It writes the rows of a submission and reads those of a detail, a list and a queue, and answers with
the same JSON through a response model; no permissions, receipts or look-ups. What the service
computes (a receipt, labels, actions) is copied from a sample answer of the service.

Run: uvicorn tests.load.baselines.bare_stack:app, with BENCH_DATABASE_URL, BENCH_POOL_SIZE and
BENCH_SAMPLES (a JSON file of `Samples`).
"""

import gc
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Header
from pydantic import BaseModel, create_model
from sqlalchemy import inspect, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.ext.declarative import DeferredReflection
from sqlalchemy.orm import DeclarativeBase


class Samples(BaseModel):
    """Answers of the service; `submissions` are by item, `case_ids` are the cases they made."""

    submissions: dict[str, dict[str, Any]]
    case_ids: dict[str, UUID]
    detail: dict[str, Any]
    line: dict[str, Any]
    task: dict[str, Any]


class Base(DeclarativeBase):
    pass


class Reflected(DeferredReflection):
    """The columns are read from the database at start-up."""

    __abstract__ = True


class Case(Reflected, Base):
    __tablename__ = "case_file"


class Material(Reflected, Base):
    __tablename__ = "case_material"


class Entry(Reflected, Base):
    __tablename__ = "case_entry"


class Task(Reflected, Base):
    __tablename__ = "case_task"


class Clock(Reflected, Base):
    __tablename__ = "case_clock"


class Opinion(Reflected, Base):
    __tablename__ = "case_opinion"


class Interval(Reflected, Base):
    __tablename__ = "case_interval"


class Certificate(Reflected, Base):
    __tablename__ = "case_certificate"


class Counter(Reflected, Base):
    __tablename__ = "case_counter"


class OutboxEvent(Reflected, Base):
    __tablename__ = "outbox_event"


class OutboxSequence(Reflected, Base):
    __tablename__ = "outbox_sequence"


class IdempotencyRecord(Reflected, Base):
    __tablename__ = "idempotency_record"


PARTS = (Material, Entry, Task, Clock)
OWN_IDS = ("case_material_id", "entry_id", "task_id", "clock_id", "claim_id")
# Columns that are encrypted, and members whose names are the applicant's or the service's choice.
SEALED = frozenset({"form", "answers", "draft", "query_code"})
OPEN = frozenset({"form", "answers", "links"})
PRESENT = ("open", "held")

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def model_of(name: str, sample: dict[str, Any]) -> type[BaseModel]:
    """A response model with the members and types of a sample answer."""
    members = {key: (type_of(f"{name}_{key}", key, value), ...) for key, value in sample.items()}
    return create_model(name, **members)


def type_of(name: str, key: str, value: Any) -> Any:
    if isinstance(value, dict) and value and key not in OPEN:
        return model_of(name, value) | None
    if isinstance(value, dict):
        return dict[str, Any]
    if isinstance(value, list):
        return list[type_of(name, key, value[0])] if value else list[Any]
    if isinstance(value, str):
        return type_of_text(value) | None
    return Any if value is None else type(value) | None


def type_of_text(value: str) -> type:
    kinds = ((_MOMENT.match, datetime), (_DATE.fullmatch, date), (_UUID.fullmatch, UUID))
    return next((kind for matches, kind in kinds if matches(value)), str)


def filled(sample: dict[str, Any], *rows: Any) -> dict[str, Any]:
    """The sample with what the rows hold under the same names."""
    return sample | {
        name: getattr(row, name)
        for row in rows
        for name in readable_columns(type(row))
        if name in sample
    }


@cache
def readable_columns(kind: type) -> list[str]:
    return [name for name in inspect(kind).columns.keys() if name not in SEALED]  # noqa: SIM118


def department_of(case: Case) -> dict[str, Any]:
    return {"code": case.department_code, "name": case.department_name}


def values_of(row: Any) -> dict[str, Any]:
    """The row's columns, without those that the database counts itself."""
    columns = inspect(type(row)).columns
    return {column.key: getattr(row, column.key) for column in columns if column.identity is None}


samples = Samples.model_validate_json(Path(os.environ["BENCH_SAMPLES"]).read_text())
pool_size = int(os.environ["BENCH_POOL_SIZE"])
engine = create_async_engine(
    make_url(os.environ["BENCH_DATABASE_URL"]).set(drivername="postgresql+asyncpg"),
    pool_size=pool_size,
    max_overflow=pool_size,
    connect_args={"server_settings": {"jit": "off", "timezone": "UTC"}},
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
# Per item: the rows that a real submission wrote.
templates: dict[str, dict[str, Any]] = {}

SubmittedOut = model_of("Submitted", next(iter(samples.submissions.values())))
DetailOut = model_of("Detail", samples.detail)
ListOut = create_model("List", data=(list[model_of("Line", samples.line)], ...), next=Any)
QueueOut = create_model("Queue", data=(list[model_of("Task", samples.task)], ...), next=Any)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.connect() as connection:
        await connection.run_sync(Reflected.prepare)
    async with sessions() as session:
        for item_id, case_id in samples.case_ids.items():
            templates[item_id] = await template_of(session, case_id)
    # As the services do once they are up.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    yield
    await engine.dispose()


async def template_of(session: AsyncSession, case_id: UUID) -> dict[str, Any]:
    case = await session.get_one(Case, case_id)
    event = await session.scalars(
        select(OutboxEvent).where(OutboxEvent.entity == f"case:{case_id}").limit(1)
    )
    # Answers are recorded as bytes: the one that names this case.
    record = await session.scalars(
        select(IdempotencyRecord)
        .where(IdempotencyRecord.scope.contains(str(case.person_id)))
        .order_by(IdempotencyRecord.created_at.desc())
        .limit(1)
    )
    prefixes = await session.scalars(select(Counter))
    counter = max(
        (row for row in prefixes if case.case_no.startswith(row.prefix)),
        key=lambda row: len(row.prefix),
    )
    parts = [
        (kind, values_of(row))
        for kind in PARTS
        for row in await session.scalars(select(kind).where(kind.case_id == case_id))
    ]
    return {
        "case": values_of(case),
        "parts": parts,
        "event": values_of(event.one()),
        "record": values_of(record.one()),
        "counter": (counter.prefix, counter.received_on),
    }


async def opened() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(opened)]
app = FastAPI(lifespan=lifespan)


class MaterialIn(BaseModel):
    material_id: str
    file_id: UUID | None = None


class CaseIn(BaseModel):
    item_id: UUID
    form: dict[str, Any]
    materials: list[MaterialIn]


@app.get("/readyz")
async def ready() -> dict[str, str]:
    return {"status": "ready"}


@app.post("/api/v1/cases", status_code=201, response_model=SubmittedOut)
async def submit(
    body: CaseIn, idempotency_key: Annotated[str, Header()], session: Session
) -> dict[str, Any]:
    """The rows of a real submission once more, for a case of its own."""
    template, case_id = templates[str(body.item_id)], uuid4()
    prefix, day = template["counter"]
    number = await following(session, Counter, "last", prefix=prefix, received_on=day)
    case_no = f"{prefix}{day:%Y%m%d}{number:06d}"  # two digits more than the service's own
    session.add(Case(**template["case"] | {"case_id": case_id, "case_no": case_no}))
    await session.flush()
    for kind, values in template["parts"]:
        ids = {name: uuid4() for name in OWN_IDS if values.get(name)}
        session.add(kind(**values | ids | {"case_id": case_id}))
    entity = f"case:{case_id}"
    sequence = await following(session, OutboxSequence, "last", entity=entity)
    event = {"event_id": uuid4(), "entity": entity, "sequence": sequence, "published_at": None}
    session.add(OutboxEvent(**template["event"] | event))
    session.add(IdempotencyRecord(**template["record"] | {"key": idempotency_key}))
    await session.commit()
    answer = samples.submissions[str(body.item_id)]
    return answer | {"case_id": case_id, "case_no": case_no}


async def following(session: AsyncSession, kind: Any, counted: str, **keys: Any) -> int:
    """The next number of a counter row."""
    statement = insert(kind).values(**keys, **{counted: 1})
    column = getattr(kind, counted)
    raised = statement.on_conflict_do_update(index_elements=list(keys), set_={counted: column + 1})
    return (await session.execute(raised.returning(column))).scalar_one()


@app.get("/api/v1/cases/{case_id}", response_model=DetailOut)
async def detail(case_id: UUID, session: Session) -> dict[str, Any]:
    case = await session.get_one(Case, case_id)
    rows = {
        kind: (await session.scalars(select(kind).where(kind.case_id == case_id))).all()
        for kind in (Material, Task, Clock, Opinion, Interval, Certificate)
    }
    material = (samples.detail["materials"] or [{}])[0]
    return filled(samples.detail, case) | {
        "department": department_of(case),
        "region": {"code": case.region_code, "name": case.region_name},
        "materials": [filled(material, row) for row in rows[Material]],
    }


@app.get("/api/v1/me/cases", response_model=ListOut)
async def own_cases(person_id: UUID, session: Session, limit: int = 20) -> dict[str, Any]:
    statement = select(Case).where(Case.person_id == person_id).order_by(Case.case_id.desc())
    cases = (await session.scalars(statement.limit(limit + 1))).all()
    lines = [
        filled(samples.line, case) | {"department": department_of(case)} for case in cases[:limit]
    ]
    return {"data": lines, "next": str(cases[-1].case_id) if len(cases) > limit else None}


@app.get("/api/v1/tasks", response_model=QueueOut)
async def queue(department: str, region: str, session: Session, limit: int = 20) -> dict[str, Any]:
    statement = (
        select(Task, Case)
        .join(Case, Case.case_id == Task.case_id)
        .where(Task.department_code == department, Task.region_code == region)
        .where(Task.status.in_(PRESENT))
        .order_by(Task.due_on, Task.task_id)
        .limit(limit + 1)
    )
    rows = (await session.execute(statement)).all()
    lines = [
        filled(samples.task, case, task)
        | {"case_status": case.status, "department": department_of(case)}
        for task, case in rows[:limit]
    ]
    return {"data": lines, "next": str(rows[-1][0].task_id) if len(rows) > limit else None}
