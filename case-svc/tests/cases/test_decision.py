"""Row 16 and the end of a case: decisions, withdrawals, and who may do what when."""

import asyncio

import pytest
from sqlalchemy import select, text

from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseTask
from case_svc.cases.rules.lifecycle import State

from ..factories import guide
from .handling import HEARING, NOTICE, REFUSAL, SURVEY, accepted, entries, issue, ok, reviewed, slug


class TestDecision:
    async def test_grant_goes_to_certifying_and_then_to_the_end(self, world, recorded, session):
        case, decider = await reviewed(world)
        shown = await ok(
            await decider.act(case, "decision", {"outcome": "granted", "reason": None})
        )
        assert (shown["status"], shown["outcome"]) == ("certifying", "granted")
        (event,) = await recorded("case.decided.v1")
        content = event["data"]
        assert content["outcome"] == "granted"
        assert content["fields"] == {"size": 3}
        assert content["results"][0]["certificate_type"] == "11511301008778298W002"
        assert "蒋" not in str(event["data"])
        assert set(event["sealed"]) == {"exchange"}
        await issue(world, case, "1.2.156.CODE")
        seen = await case.seen()
        assert (seen["status"], seen["outcome"]) == ("finished", "granted")
        assert [one["code"] for one in seen["certificates"]] == ["1.2.156.CODE"]
        assert seen["links"]["certificates"] == "/api/v1/me/certificates"
        (finished,) = await recorded("case.finished.v1")
        assert finished["data"]["outcome"] == "granted"
        moves = [(before, after) for _, before, after in await entries(session, case)][-4:]
        assert moves == [
            ("in_review", "decided"),
            ("decided", "certifying"),
            ("certifying", "delivering"),
            ("delivering", "finished"),
        ]
        running = select(CaseClock).where(
            CaseClock.case_id == case.id, CaseClock.stopped_at.is_(None)
        )
        assert (await session.scalars(running)).all() == []

    async def test_further_certificates_are_added_and_repeated_ones_are_not(self, world, recorded):
        case, decider = await reviewed(world)
        await ok(await decider.act(case, "decision", {"outcome": "granted"}))
        await issue(world, case, "A")
        second = await issue(world, case, "B")
        await issue(world, case, "B", certificate_id=second)
        assert len((await case.seen())["certificates"]) == 2
        assert len(await recorded("case.finished.v1")) == 1

    async def test_certificate_of_an_unknown_case_is_ignored(self, world):
        case = await world.immediate()
        case.answer["case_id"] = str(case.item_id)
        await issue(world, case, "A")

    async def test_refusal_ends_the_case_with_reason_and_remedies(self, world, recorded):
        case, decider = await reviewed(world)
        shown = await ok(await decider.act(case, "decision", REFUSAL))
        assert (shown["status"], shown["outcome"]) == ("finished", "refused")
        seen = await case.seen()
        assert seen["decision"]["remedies"] == REFUSAL["remedies"]
        assert seen["decision"]["officer"] is None
        assert (await decider.get(case.path)).json()["decision"]["officer"] == "王建国"
        (finished,) = await recorded("case.finished.v1")
        assert finished["data"]["outcome"] == "refused"

    @pytest.mark.parametrize("word", [None, "\u200b", "。"])
    @pytest.mark.parametrize("lacking", ["reason", "remedies"])
    async def test_refusal_without_reason_or_remedies_is_422(self, world, lacking, word):
        case, decider = await reviewed(world)
        answer = await decider.act(case, "decision", REFUSAL | {lacking: word})
        assert answer.status_code == 422
        assert [one["pointer"] for one in answer.json()["errors"]] == [f"/{lacking}"]
        assert (await case.seen())["status"] == "in_review"

    async def test_who_accepted_does_not_decide(self, world):
        case = await world.submitted(content=guide(steps=guide()["steps"][::3]))
        both = await world.staff("clerk", "decider")
        await both.claim(case)
        await ok(await both.act(case, "acceptance"))
        assert await both.task(case) is None
        decider = await world.staff("decider")
        task = await decider.task(case)
        claim = await both.post(f"/api/v1/tasks/{task['task_id']}/claim")
        decision = await both.act(case, "decision", {"outcome": "granted"})
        assert (claim.status_code, decision.status_code) == (403, 403)
        assert slug(claim) == "step-not-permitted"

    async def test_immediate_item_is_decided_on_the_spot_by_the_same_clerk(self, world):
        case = await world.immediate()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        shown = await ok(await clerk.act(case, "acceptance"))
        assert "decision" in shown["actions"]
        shown = await ok(await clerk.act(case, "decision", {"outcome": "granted"}))
        assert shown["status"] == "certifying"

    async def test_platform_admin_accepts_but_does_not_decide_on_the_spot(self, world):
        case = await world.immediate()
        admin = await world.staff("platform_admin")
        await admin.claim(case)
        shown = await ok(await admin.act(case, "acceptance"))
        assert "decision" not in shown["actions"]
        assert await admin.task(case) is None
        assert (await admin.act(case, "decision", {"outcome": "granted"})).status_code == 403

    async def test_immediate_decision_also_stands_in_the_pool(self, world):
        case = await world.immediate()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        await ok(await clerk.act(case, "acceptance"))
        assert (await clerk.claim(case))["step"] == "decision"
        other = await world.staff("clerk")
        assert await other.task(case) is None

    async def test_two_decisions_at_once_give_one(self, busy_world):
        case, decider = await reviewed(busy_world)
        answers = await asyncio.gather(
            *(decider.act(case, "decision", {"outcome": "granted"}) for _ in range(4))
        )
        assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]


class TestWithdrawal:
    async def test_until_the_decision(self, world, recorded):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        shown = await ok(await case.citizen.act(case, "withdrawal", {"reason": "不办了"}))
        assert shown["status"] == "withdrawn"
        assert shown["now_with"] is None
        assert len(await recorded("case.withdrawn.v1")) == 1
        assert await clerk.task(case, "mine") is None

    async def test_not_after_it(self, world):
        case, decider = await reviewed(world)
        await ok(await decider.act(case, "decision", {"outcome": "granted"}))
        answer = await case.citizen.act(case, "withdrawal", {"reason": "x"})
        assert (answer.status_code, answer.json()["possible"]) == (409, [])

    async def test_only_by_the_applicant(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        assert (await clerk.act(case, "withdrawal", {"reason": "x"})).status_code == 403
        assert (await case.citizen.act(case, "withdrawal", {})).status_code == 422

    async def test_withdrawal_and_decision_at_once_give_one(self, busy_world):
        case, decider = await reviewed(busy_world)
        answers = await asyncio.gather(
            decider.act(case, "decision", {"outcome": "granted"}),
            case.citizen.act(case, "withdrawal", {"reason": "x"}),
        )
        assert sorted(one.status_code for one in answers) == [200, 409]


OFFICERS_ACTS = {
    "acceptance": {},
    "correction-notice": NOTICE,
    "non-acceptance": {"reason_code": "duplicate", "reason": "x"},
    "opinions": SURVEY,
    "special-procedures": HEARING,
    "extension": {"days": 5, "reason": "x"},
    "decision": {"outcome": "granted"},
}


POSSIBLE = {
    "submitted": {"acceptance", "correction-notice", "non-acceptance"},
    "accepted": {"opinions", "special-procedures", "extension", "decision"},
    "in_review": {"opinions", "special-procedures", "extension", "decision"},
}


class TestEveryStateAndAct:
    """What the state forbids is 409 over HTTP, for the one whose role would permit it."""

    @pytest.mark.parametrize("state", [one for one in State if one is not State.DRAFT])
    async def test_wrong_moments_are_409_and_change_nothing(self, world, session, state):
        case = await world.submitted()
        officer = await world.staff("clerk", "decider")
        await officer.claim(case)
        await session.execute(
            text("UPDATE case_file SET status = :state WHERE case_id = :case_id"),
            {"state": str(state), "case_id": case.id},
        )
        await session.commit()
        before = await self.row(session, case)
        for act, body in OFFICERS_ACTS.items():
            if act in POSSIBLE.get(state, ()):
                continue
            answer = await officer.act(case, act, body)
            assert answer.status_code == 409, (act, answer.text)
            assert isinstance(answer.json()["possible"], list)
        for act, body in {"submission": None, "correction": {"form": {"size": 1}}}.items():
            if (act, state) != ("correction", "correction_required"):
                assert (await case.citizen.act(case, act, body)).status_code == 409, act
        if state not in POSSIBLE and state not in ("correction_required", "suspended"):
            gone = await case.citizen.act(case, "withdrawal", {"reason": "x"})
            assert gone.status_code == 409
        assert await self.row(session, case) == before

    async def row(self, session, case):
        found = await session.execute(
            select(Case.status, Case.version).where(Case.case_id == case.id)
        )
        entries_ = await session.execute(
            select(CaseEntry.entry_id).where(CaseEntry.case_id == case.id)
        )
        tasks = await session.execute(select(CaseTask.status).where(CaseTask.case_id == case.id))
        return found.all(), len(entries_.all()), tasks.all()


class TestRoles:
    """Row 10: clerk accepts and reviews, decider reviews, extends and decides."""

    @pytest.mark.parametrize(
        ("role", "refused"),
        [
            ("clerk", {"extension", "decision"}),
            ("decider", {"acceptance", "correction-notice", "non-acceptance"}),
            ("department_admin", set(OFFICERS_ACTS)),
            ("platform_admin", {"decision"}),
            ("auditor", set(OFFICERS_ACTS)),
        ],
    )
    async def test_role_decides_before_the_moment(self, world, role, refused):
        case = await world.submitted()
        officer = await world.staff(role)
        for act, body in OFFICERS_ACTS.items():
            answer = await officer.act(case, act, body)
            assert answer.status_code == (403 if act in refused else 409), (act, answer.text)

    async def test_citizens_take_no_officers_acts(self, world):
        case = await world.submitted()
        for act, body in OFFICERS_ACTS.items():
            assert (await case.citizen.act(case, act, body)).status_code == 403

    async def test_invisible_cases_are_404_for_every_act(self, world):
        case = await world.submitted()
        for place in ({"department_code": "OTHER"}, {"region_code": "511603000000"}):
            officer = await world.staff("clerk", "decider", **place)
            for act, body in OFFICERS_ACTS.items():
                assert (await officer.act(case, act, body)).status_code == 404

    async def test_without_the_task_in_hand_it_is_409(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        answer = await clerk.act(case, "acceptance")
        assert (answer.status_code, slug(answer)) == (409, "task-not-claimed")
        await (await world.staff("clerk")).claim(case)
        assert (await clerk.act(case, "acceptance")).status_code == 409

    async def test_platform_admin_accepts_and_reviews_anywhere(self, world):
        case = await world.submitted()
        admin = await world.staff(
            "platform_admin", department_code=None, region_code="510000000000"
        )
        await admin.claim(case)
        await ok(await admin.act(case, "acceptance"))
        await admin.claim(case)
        await ok(await admin.act(case, "opinions", SURVEY))
