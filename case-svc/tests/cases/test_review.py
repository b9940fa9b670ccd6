"""Row 15: opinions, special procedures and extensions, in order and out of it."""

import pytest

from ..factories import Officer, day, guide, officer_token, step
from .handling import AUDIT, HEARING, SURVEY, accepted, ok, reviewed, slug


class TestReview:
    async def test_agreement_goes_step_by_step_to_the_decision(self, world, recorded):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        shown = await ok(await clerk.act(case, "opinions", SURVEY))
        assert (shown["status"], shown["step"]) == ("in_review", "audit")
        await clerk.claim(case)
        shown = await ok(await clerk.act(case, "opinions", AUDIT))
        assert shown["step"] == "decision"
        steps = [one["data"]["step"] for one in await recorded("case.reviewed.v1")]
        assert steps == ["survey", "audit"]

    async def test_disagreement_goes_straight_to_the_decision(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        shown = await ok(await clerk.act(case, "opinions", SURVEY | {"outcome": "disagree"}))
        assert shown["step"] == "decision"
        assert shown["opinions"][0]["outcome"] == "disagree"

    async def test_return_goes_one_review_step_back_with_its_note(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        await ok(await clerk.act(case, "opinions", SURVEY | {"outcome": "return"}))
        task = await clerk.claim(case)
        assert (task["step"], task["note"]) == ("survey", "情况属实")
        await ok(await clerk.act(case, "opinions", SURVEY))
        await clerk.claim(case)
        shown = await ok(await clerk.act(case, "opinions", AUDIT | {"outcome": "return"}))
        assert shown["step"] == "survey"

    @pytest.mark.parametrize(
        ("changes", "status", "pointer"),
        [
            ({"checks": []}, 422, "/checks"),
            (
                {"checks": [*SURVEY["checks"], {"check_id": "zz", "passed": True}]},
                422,
                "/checks/1/check_id",
            ),
            ({"outcome": "maybe"}, 422, "/outcome"),
            ({"opinion": " "}, 422, "/opinion"),
        ],
    )
    async def test_malformed_opinions(self, world, changes, status, pointer):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        answer = await clerk.act(case, "opinions", SURVEY | changes)
        assert answer.status_code == status
        assert answer.json()["errors"][0]["pointer"] == pointer

    async def test_a_check_is_answered_once(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        checks = [{"check_id": "s1", "passed": one} for one in (True, False)]
        answer = await clerk.act(case, "opinions", SURVEY | {"checks": checks})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/checks/1/check_id", "duplicate")

    async def test_opinion_on_another_step_is_409(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        answer = await clerk.act(case, "opinions", AUDIT)
        assert (answer.status_code, slug(answer)) == (409, "wrong-step")

    async def test_decider_may_review(self, world):
        case, _ = await accepted(world)
        decider = await world.staff("decider")
        await decider.claim(case)
        await ok(await decider.act(case, "opinions", SURVEY))


class TestSpecialProcedure:
    async def test_clock_stops_and_only_the_days_it_took_are_left_out(
        self, world, freeze, recorded
    ):
        with freeze(day("2026-03-02")):
            case, clerk = await accepted(world)
            await clerk.claim(case)
        with freeze(day("2026-03-09")):
            shown = await ok(await clerk.act(case, "special-procedures", HEARING))
            assert shown["status"] == "suspended"
            clocks = {one["kind"]: one for one in shown["clocks"]}
            assert not clocks["legal"]["running"]
            assert (await case.seen())["status"] == "suspended"
            interval = shown["intervals"][0]
        path = f"{case.path}/special-procedures/{interval['procedure_id']}/end"
        with freeze(day("2026-03-13")):
            shown = await ok(await clerk.post(path, {"result": "已听证"}))
        clocks = {one["kind"]: one for one in shown["clocks"]}
        # The day it started on counts: 10–13 March are left out (the eighth legal vector).
        assert clocks["legal"]["due_on"] == "2026-04-03"
        assert clocks["legal"]["running"]
        assert shown["intervals"][0]["result"] == "已听证"
        assert (await case.seen())["status"] == "in_review"
        assert len(await recorded("case.suspended.v1")) == 1
        assert len(await recorded("case.resumed.v1")) == 1
        with freeze(day("2026-03-13")):
            again = await clerk.post(path, {"result": "x"})
        assert again.status_code == 409

    async def test_task_is_not_late_while_the_case_waits(self, world, freeze):
        with freeze(day("2026-03-02")):
            case, clerk = await accepted(world)
            await clerk.claim(case)
            await ok(await clerk.act(case, "special-procedures", HEARING))
        with freeze(day("2026-03-25")):
            task = await clerk.task(case, "mine")
        assert task["light"] == "green"
        assert "end" in task["actions"]

    async def test_a_clock_stands_still_also_when_it_takes_longer_than_told(self, world, freeze):
        with freeze(day("2026-03-02")):
            case, clerk = await accepted(world)
            await clerk.claim(case)
        with freeze(day("2026-03-09")):
            clerk = Officer(clerk.id, world.client, officer_token(clerk.id, "clerk"))
            await ok(await clerk.act(case, "special-procedures", HEARING))
            before = (await clerk.get(f"{case.path}/clock")).json()["clocks"]
        with freeze(day("2026-08-03")):
            clerk = Officer(clerk.id, world.client, officer_token(clerk.id, "clerk"))
            after = (await clerk.get(f"{case.path}/clock")).json()["clocks"]
        assert after == before
        assert not any(one["running"] or one["overdue"] for one in after)

    async def test_publicity_only_where_the_guide_names_it(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        unknown = HEARING | {"kind": "nap"}
        answer = await clerk.act(case, "special-procedures", unknown)
        assert answer.json()["errors"][0]["pointer"] == "/kind"
        await ok(await clerk.act(case, "special-procedures", HEARING | {"kind": "publicity"}))

    async def test_unknown_procedure_is_404(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        path = f"{case.path}/special-procedures/{case.item_id}/end"
        assert (await clerk.post(path, {"result": "x"})).status_code == 404

    async def test_an_ended_procedure_does_not_end_again(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        first = await ok(await clerk.act(case, "special-procedures", HEARING))
        path = f"{case.path}/special-procedures/{first['intervals'][0]['procedure_id']}/end"
        await ok(await clerk.post(path, {"result": "x"}))
        second = await ok(await clerk.act(case, "special-procedures", HEARING))
        assert (await clerk.post(path, {"result": "y"})).status_code == 404
        assert len(second["intervals"]) == 2
        links = (await clerk.get(case.path)).json()["links"]
        assert second["intervals"][1]["procedure_id"] in links["end"]

    async def test_nothing_is_decided_while_it_runs(self, world):
        case, decider = await reviewed(world)
        await ok(await decider.act(case, "special-procedures", HEARING))
        answer = await decider.act(case, "decision", {"outcome": "granted"})
        assert answer.status_code == 409
        assert answer.json()["possible"] == ["withdrawal", "end"]

    @pytest.mark.parametrize("days", [0, -1, 366, 1.5, "x"])
    async def test_expected_days_must_make_sense(self, world, days):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        body = HEARING | {"expected_days": days}
        assert (await clerk.act(case, "special-procedures", body)).status_code == 422


class TestExtension:
    async def test_decider_extends_once_before_the_date(self, world, freeze, recorded):
        with freeze(day("2026-03-02")):
            case, decider = await reviewed(world)
            body = {"days": 10, "reason": "案情复杂"}
            shown = await ok(await decider.act(case, "extension", body))
            again = await decider.act(case, "extension", body)
        clocks = {one["kind"]: one for one in shown["clocks"]}
        assert clocks["legal"]["due_on"] == "2026-04-14"
        assert clocks["legal"]["extension"] == 10
        assert (again.status_code, slug(again)) == (409, "already-extended")
        assert (await case.seen())["extension"]["reason"] == "案情复杂"
        assert "extension" not in (await decider.get(case.path)).json()["actions"]
        assert len(await recorded("case.extended.v1")) == 1

    async def test_overdue_case_is_not_revived(self, world, freeze):
        with freeze(day("2026-03-02")):
            case, decider = await reviewed(world)
        with freeze(day("2026-03-31", 0)):
            answer = await decider.act(case, "extension", {"days": 5, "reason": "x"})
        assert (answer.status_code, slug(answer)) == (409, "too-late-to-extend")

    @pytest.mark.parametrize(
        ("days", "joint", "status"),
        [(11, False, 422), (11, True, 200), (16, True, 422), (0, False, 422)],
    )
    async def test_longest_extension(self, world, days, joint, status):
        steps = [
            step("acceptance", "acceptance"),
            step("fire", "review", department_code="11511301008778298W" if not joint else "FIRE"),
            step("decision", "decision"),
        ]
        content = guide(steps=steps)
        case, _ = await accepted(world, content=content)
        place = {"department_code": "FIRE"} if joint else {}
        decider = await world.staff("decider", **place)
        await decider.claim(case)
        answer = await decider.act(case, "extension", {"days": days, "reason": "x"})
        assert answer.status_code == status

    async def test_clerk_cannot_extend(self, world):
        case, clerk = await accepted(world)
        await clerk.claim(case)
        answer = await clerk.act(case, "extension", {"days": 5, "reason": "x"})
        assert answer.status_code == 403
