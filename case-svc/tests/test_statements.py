"""How many statements a request sends; BEGIN, COMMIT and savepoints do not count."""

from contextlib import contextmanager

import pytest

from chassis.testing.measuring import statements

from .cases.handling import accepted, ok, reviewed
from .factories import immediate_guide


@pytest.fixture
def counted(process):
    """The statements sent inside the block, at most `most`."""

    @contextmanager
    def counting(label, most):
        with statements(process.engine) as sent:
            yield sent
        assert len(sent) <= most, f"{label}: {len(sent)}"

    return counting


async def test_submission(world, counted):
    warm = await world.submitted()  # the guide, the form and the signing key are in memory now
    body = await world.body(warm.citizen.id, warm.item_id)
    with counted("submission", 13) as sent:
        answer = await warm.citizen.post("/api/v1/cases", body, **{"Idempotency-Key": "second"})
        assert answer.status_code == 201, answer.text
    counters = [each for each in sent if "case_counter" in each]
    assert len(counters) == 1


async def test_acceptance_reads_the_calendar_once(world, counted):
    case = await world.submitted()
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    with counted("acceptance", 21) as sent:
        await ok(await clerk.act(case, "acceptance"))
    assert sum("FROM calendar_year" in each for each in sent) == 1


async def test_decision(world, counted):
    case, decider = await reviewed(world)
    with counted("decision", 18):
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
    with counted(f"detail of an officer, {stage}", 7):
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
