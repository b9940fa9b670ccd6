"""How many statements a request sends for itself; what the chassis adds is counted there."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event

from .cases.handling import accepted, ok, reviewed
from .factories import immediate_guide


@pytest.fixture
def counted(here):
    """The statements sent inside the block."""

    @contextmanager
    def counting(label, most):
        statements = []

        def note(connection, cursor, statement, *rest):
            if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                statements.append(statement)

        engine = here.engine.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(engine, "before_cursor_execute", note)
        print(f"{label}: {len(statements)} statements")  # noqa: T201 - shown with -rP
        assert len(statements) <= most, label

    return counting


async def test_submission(world, counted):
    warm = await world.submitted()  # the guide, the form and the signing key are in memory now
    body = await world.body(warm.citizen.id, warm.item_id)
    with counted("submission", 9) as statements:
        answer = await warm.citizen.post("/api/v1/cases", body, **{"Idempotency-Key": "second"})
        assert answer.status_code == 201, answer.text
    counters = [each for each in statements if "case_counter" in each]
    assert len(counters) == 1


async def test_acceptance_reads_the_calendar_once(world, counted):
    case = await world.submitted()
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    with counted("acceptance", 17) as statements:
        await ok(await clerk.act(case, "acceptance"))
    assert sum("FROM calendar_year" in each for each in statements) == 1


async def test_decision(world, counted):
    case, decider = await reviewed(world)
    with counted("decision", 14):
        await ok(await decider.act(case, "decision", {"outcome": "granted"}))


@pytest.mark.parametrize("stage", ["submitted", "accepted", "decided"])
async def test_detail(world, counted, stage):
    if stage == "submitted":
        case, officer = await world.submitted(), await world.staff("clerk")
    else:
        case, officer = await (accepted if stage == "accepted" else reviewed)(world)
    await case.seen()
    with counted(f"detail of a party, {stage}", 5):
        await case.seen()
    with counted(f"detail of an officer, {stage}", 5):
        await ok(await officer.get(case.path))


async def test_queue_and_lists(world, counted):
    for _ in range(3):
        case = await world.submitted(content=immediate_guide(), materials=[])
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    for scope in ("pool", "mine", "done"):
        await clerk.get("/api/v1/tasks", scope=scope)
        with counted(f"queue {scope}", 3):
            await ok(await clerk.get("/api/v1/tasks", scope=scope))
    with counted("my cases", 1):
        await ok(await case.citizen.get("/api/v1/me/cases"))
    with counted("clock", 4):
        await ok(await case.citizen.get(f"{case.path}/clock"))
    with counted("timeline", 2):
        await ok(await case.citizen.get(f"{case.path}/timeline"))
