"""A new column with a default needs no second place: inserts leave defaulted columns to it."""

import pytest
from sqlalchemy import event, text

from case_svc.cases.models import Case, CaseClock

from .applying import person_with_item, submit


@pytest.fixture
def inserts(process):
    statements = []

    def note(connection, cursor, statement, *rest):
        if statement.startswith("INSERT INTO case_"):
            statements.append(statement)

    event.listen(process.engine.sync_engine, "before_cursor_execute", note)
    yield statements
    event.remove(process.engine.sync_engine, "before_cursor_execute", note)


async def test_column_the_service_does_not_know_takes_its_default(world, session, inserts):
    await session.execute(text("ALTER TABLE case_file ADD COLUMN channel text DEFAULT 'web'"))
    await session.execute(text("ALTER TABLE case_file ALTER COLUMN channel SET NOT NULL"))
    person, item = await person_with_item(world)
    answer = await submit(person, await world.body(person.id, item))
    assert answer.status_code == 201, answer.text
    channels = (await session.execute(text("SELECT channel FROM case_file"))).scalars().all()
    assert channels == ["web"]
    assert len([each for each in inserts if each.startswith("INSERT INTO case_file ")]) == 1


async def test_defaults_of_the_models_are_applied(world, session):
    submitted = await world.submitted()
    case = await session.get(Case, submitted.id)
    assert case.rated == []
    clock = await session.scalar(
        CaseClock.__table__.select().with_only_columns(CaseClock.extension)
    )
    assert clock == 0
