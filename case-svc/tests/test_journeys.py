"""How many files and functions of ours one request runs through: journeys stay short."""

import pytest

from chassis.testing.measuring import journey

from .cases.handling import ok, reviewed


@pytest.fixture
def short():
    def check(label, travelled, files, functions):
        reached = (len(travelled.files), len(travelled.functions))
        assert reached <= (files, functions), f"{label}: {reached}"
        assert reached[1] <= functions, f"{label}: {reached}"

    return check


async def test_submission(world, short):
    warm = await world.submitted()
    body = await world.body(warm.citizen.id, warm.item_id)
    with journey() as travelled:
        answer = await warm.citizen.post("/api/v1/cases", body, **{"Idempotency-Key": "second"})
    assert answer.status_code == 201, answer.text
    short("submission", travelled, 34, 108)


async def test_decision(world, short):
    case, decider = await reviewed(world)
    with journey() as travelled:
        await ok(await decider.act(case, "decision", {"outcome": "granted"}))
    short("decision", travelled, 31, 111)


async def test_detail(world, short):
    case = await world.submitted()
    await case.seen()
    with journey() as travelled:
        await case.seen()
    short("detail", travelled, 20, 70)
