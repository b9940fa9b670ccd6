"""What time does to a case: deemed acceptance, overdue corrections, overdue promises."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from case_svc.cases.models import Case
from case_svc.handling.usecases.acceptance import deem_overdue_accepted
from case_svc.intake.usecases.correction import end_overdue_corrections, end_overdue_promises
from chassis.database.sessions import transaction

from ..factories import day

NOTICE = {"items": [{"material_id": "declaration", "reason": "签名不全"}]}


async def turn(world, verb, **settings):
    process = world.process
    if settings:
        process = replace(process, settings=process.settings.model_copy(update=settings))
    async with transaction(process) as session:
        await verb(session)


class TestDeemedAcceptance:
    async def test_silence_accepts_as_of_the_receipt_once(self, world, freeze, recorded, session):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
        with freeze(day("2026-03-09", 23)):
            await turn(world, deem_overdue_accepted)
            assert (await case.seen())["status"] == "submitted"
        with freeze(day("2026-03-10", 0)):
            await turn(world, deem_overdue_accepted)
            await turn(world, deem_overdue_accepted)
            seen = await case.seen()
            clocks = (await case.citizen.get(f"{case.path}/clock")).json()["clocks"]
        assert (seen["status"], seen["step"]) == ("accepted", "survey")
        assert seen["accepted_at"] == seen["received_at"] == "2026-03-02T02:00:00Z"
        assert {c["kind"]: c["due_on"] for c in clocks}["legal"] == "2026-03-30"
        assert len(await recorded("case.accepted.v1")) == 1
        timeline = (await case.citizen.get(f"{case.path}/timeline")).json()["data"]
        assert (timeline[-1]["action"], timeline[-1]["by"]) == ("deemed-acceptance", "system")
        row = await session.scalar(select(Case).where(Case.case_id == case.id))
        assert row.accepted_by is None

    async def test_anyone_fitting_may_decide_what_time_accepted(self, world, freeze):
        with freeze(day("2026-03-02")):
            case = await world.immediate()
        with freeze(day("2026-03-10")):
            await turn(world, deem_overdue_accepted)
            both = await world.staff("clerk", "decider")
            await both.claim(case)
            answer = await both.act(case, "decision", {"outcome": "granted"})
        assert answer.status_code == 200

    async def test_accepted_or_noticed_cases_are_left_alone(self, world, freeze):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            clerk = await world.staff("clerk")
            await clerk.claim(case)
            await clerk.act(case, "correction-notice", NOTICE)
        with freeze(day("2026-03-20")):
            await turn(world, deem_overdue_accepted)
            assert (await case.seen())["status"] == "correction_required"


class TestCorrection:
    @pytest.mark.parametrize(
        ("setting", "status", "event"),
        [
            ("returned", "returned", "case.returned.v1"),
            ("withdrawn", "withdrawn", "case.withdrawn.v1"),
        ],
    )
    async def test_overdue_correction_ends_the_case(
        self, world, freeze, recorded, setting, status, event
    ):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            clerk = await world.staff("clerk")
            await clerk.claim(case)
            await clerk.act(case, "correction-notice", NOTICE)
        with freeze(day("2026-04-01", 23)):
            await turn(world, end_overdue_corrections, overdue_correction=setting)
            assert (await case.seen())["status"] == "correction_required"
        with freeze(day("2026-04-02", 1)):
            await turn(world, end_overdue_corrections, overdue_correction=setting)
            await turn(world, end_overdue_corrections, overdue_correction=setting)
            seen = await case.seen()
        assert (seen["status"], seen["next"]) == (status, None)
        assert len(await recorded(event)) == 1

    async def test_correction_starts_the_notice_period_anew(self, world, freeze):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            clerk = await world.staff("clerk")
            await clerk.claim(case)
            await clerk.act(case, "correction-notice", NOTICE)
        with freeze(day("2026-03-20")):
            await case.citizen.act(case, "correction", {"form": {"size": 4}})
        with freeze(day("2026-03-30")):
            await turn(world, deem_overdue_accepted)
            seen = await case.seen()
        assert seen["status"] == "accepted"
        assert seen["accepted_at"].startswith("2026-03-20")


class TestPromise:
    async def test_overdue_promise_counts_as_withdrawal(self, world, freeze, recorded):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            clerk = await world.staff("clerk")
            await clerk.claim(case)
            await clerk.act(case, "acceptance")
        with freeze(day("2026-03-17", 23)):
            await turn(world, end_overdue_promises)
            assert (await case.seen())["status"] == "accepted"
        with freeze(day("2026-03-18", 1)):
            off = {"overdue_promise_withdraws": False}
            await turn(world, end_overdue_promises, **off)
            assert (await case.seen())["status"] == "accepted"
            await turn(world, end_overdue_promises)
            assert (await case.seen())["status"] == "withdrawn"
        assert len(await recorded("case.withdrawn.v1")) == 1
        assert await clerk.task(case) is None

    async def test_what_is_decided_is_not_touched_any_more(self, world, freeze):
        with freeze(day("2026-03-02")):
            case = await world.immediate()
            clerk = await world.staff("clerk")
            await clerk.claim(case)
            await clerk.act(case, "acceptance")
            await clerk.act(case, "decision", {"outcome": "granted"})
        with freeze(day("2026-06-18", 1)):
            await turn(world, end_overdue_promises)
            await turn(world, deem_overdue_accepted)
            assert (await case.seen())["status"] == "certifying"
