"""Copies of other services' rows: newer replaces older, whatever the order of arrival."""

from itertools import permutations
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sample.main import Note

from chassis import clock
from chassis.database.upsert import upsert_newer


def states(note_id, *versions):
    moment = clock.now()
    return [
        {"note_id": note_id, "text": f"v{version}", "version": version, "written_at": moment}
        for version in versions
    ]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
async def test_newest_state_stands_at_the_end(session, order):
    note_id = uuid4()
    for version in order:
        await upsert_newer(session, Note, states(note_id, version))
    assert (await session.execute(sa.select(Note.text))).scalar_one() == "v3"


async def test_several_states_of_one_row_may_come_in_one_batch(session):
    first, second = uuid4(), uuid4()
    await upsert_newer(session, Note, [*states(first, 2, 3, 1), *states(second, 1)])
    rows = (await session.execute(sa.select(Note.text).order_by(Note.version))).scalars()
    assert [*rows] == ["v1", "v3"]


async def test_no_rows_are_no_statement(session):
    await upsert_newer(session, Note, [])
    assert (await session.execute(sa.select(Note))).all() == []
