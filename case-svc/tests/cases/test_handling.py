"""Rows 12 to 16: what officers do, in order, out of order, and in the wrong role."""

import asyncio

import pytest
from sqlalchemy import select, text

from case_svc.cases.lifecycle import State
from case_svc.cases.models import Case, CaseClock, CaseEntry, CaseTask
from chassis import clock

from ..factories import Officer, day, guide, officer_token, step

NOTICE = {"items": [{"material_id": "declaration", "reason": "签名不全"}]}
HEARING = {"kind": "hearing", "reason": "利害关系人申请听证", "expected_days": 10}
REFUSAL = {"outcome": "refused", "reason": "收入超过标准", "remedies": "六十日内可申请复议"}
SURVEY = {
    "step": "survey",
    "outcome": "agree",
    "opinion": "情况属实",
    "checks": [{"check_id": "s1", "passed": True, "note": None}],
}
AUDIT = {"step": "audit", "outcome": "agree", "opinion": "同意", "checks": []}


def slug(answer):
    return answer.json()["type"].removeprefix("urn:onenet:problem:")


async def ok(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


async def accepted(world, **changes):
    case = await world.submitted(**changes)
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    await ok(await clerk.act(case, "acceptance"))
    return case, clerk


async def reviewed(world):
    """Ready for the decision, with the decider who has it in hand."""
    case, clerk = await accepted(world)
    for opinion in (SURVEY, AUDIT):
        await clerk.claim(case)
        await ok(await clerk.act(case, "opinions", opinion))
    decider = await world.staff("decider")
    await decider.claim(case)
    return case, decider


async def entries(session, case):
    found = await session.scalars(
        select(CaseEntry).where(CaseEntry.case_id == case.id).order_by(CaseEntry.sequence)
    )
    return [(one.action, one.from_status, one.to_status) for one in found]


class TestAcceptance:
    async def test_acceptance_starts_the_decision_clocks_and_opens_the_review(
        self, world, session, recorded, freeze
    ):
        with freeze(day("2026-03-02")):
            case, clerk = await accepted(world)
            clocks = {
                one["kind"]: one
                for one in (await case.citizen.get(f"{case.path}/clock")).json()["clocks"]
            }
        assert clocks["legal"]["due_on"] == "2026-03-30"
        assert clocks["promise"]["due_on"] == "2026-03-16"
        assert clocks["notify"]["stopped_at"]
        assert clocks["notify"]["due_on"] == "2026-03-09"
        assert "许可法" in clocks["legal"]["legal_basis"]
        (event,) = await recorded("case.accepted.v1")
        assert event["data"]["status"] == "accepted"
        task = await clerk.task(case)
        assert (task["step"], task["due_on"]) == ("survey", "2026-03-04")
        assert ("acceptance", "submitted", "accepted") in await entries(session, case)

    @pytest.mark.parametrize(
        ("task_type", "legal", "promise", "due"),
        [
            ("01", {"value": 0, "unit": "working_day"}, None, {"legal": "2026-03-30"}),
            ("20", {"value": 0, "unit": "working_day"}, None, {}),
            ("20", None, {"value": 7, "unit": "calendar_day"}, {"promise": "2026-03-09"}),
            ("20", {"value": 1, "unit": "month"}, None, {"legal": "2026-04-02"}),
        ],
    )
    async def test_periods_come_from_the_guide_or_for_permits_from_the_law(
        self, world, freeze, task_type, legal, promise, due
    ):
        content = guide(legal_limit=legal, promise=promise)
        with freeze(day("2026-03-02")):
            case, _ = await accepted(world, content=content, task_type=task_type)
            clocks = (await case.citizen.get(f"{case.path}/clock")).json()["clocks"]
        found = {one["kind"]: one["due_on"] for one in clocks if one["kind"] != "notify"}
        assert found == due

    async def test_pending_claim_keeps_from_accepting(self, world, recorded):
        case, clerk, claim_id = await claimed(world, recorded)
        refused = await clerk.act(case, "acceptance")
        assert (refused.status_code, slug(refused)) == (409, "claims-pending")
        assert "acceptance" not in (await clerk.get(case.path)).json()["actions"]
        await check(world, claim_id, "valid")
        shown = (await clerk.get(case.path)).json()
        assert "acceptance" in shown["actions"]
        assert {m["material_id"]: m["state"] for m in shown["materials"]}["card"] == "verified"
        await ok(await clerk.act(case, "acceptance"))

    async def test_failed_claim_is_offered_as_a_correction(self, world, recorded):
        case, clerk, claim_id = await claimed(world, recorded)
        await check(world, claim_id, "invalid", "expired")
        shown = (await clerk.get(case.path)).json()
        assert shown["suggested_corrections"] == [
            {"pointer": None, "material_id": "card", "reason": "证照已过有效期"}
        ]
        assert "acceptance" not in shown["actions"]
        refused = await clerk.act(case, "acceptance")
        assert (refused.status_code, slug(refused)) == (409, "claims-failed")
        suggested = {"items": [{"material_id": "card", "reason": "证照已过期"}]}
        await ok(await clerk.act(case, "correction-notice", suggested))
        without = await case.citizen.act(case, "correction", {"form": {"size": 4}})
        assert without.status_code == 422
        file_id = await world.file(case.citizen.id)
        sent = {"materials": [{"material_id": "card", "file_id": file_id}]}
        await ok(await case.citizen.act(case, "correction", sent))
        await ok(await clerk.act(case, "acceptance"))

    async def test_who_brings_all_that_was_asked_for_is_done(self, world, recorded):
        case, clerk, claim_id = await claimed(world, recorded)
        await check(world, claim_id, "invalid", "unknown")
        await ok(await clerk.act(case, "correction-notice", NOTICE))
        file_id = await world.file(case.citizen.id)
        sent = {"materials": [{"material_id": "declaration", "file_id": file_id}]}
        await ok(await case.citizen.act(case, "correction", sent))
        task = await clerk.task(case)
        assert "acceptance" in task["actions"]
        await ok(await clerk.act(case, "acceptance"))

    async def test_a_claim_that_fails_again_still_counts(self, world, recorded):
        case, clerk, claim_id = await claimed(world, recorded)
        await check(world, claim_id, "invalid", "unknown")
        asked = {"items": [{"material_id": "card", "reason": "没有查到"}]}
        await ok(await clerk.act(case, "correction-notice", asked))
        sent = {"materials": [{"material_id": "card", "certificate_code": "1.2.156.Y"}]}
        await ok(await case.citizen.act(case, "correction", sent))
        again = (await recorded("case.certificate_claimed.v1"))[-1]["data"]["claim_id"]
        assert (await clerk.act(case, "acceptance")).status_code == 409
        await check(world, again, "invalid", "revoked")
        assert "acceptance" not in (await clerk.task(case))["actions"]
        refused = await clerk.act(case, "acceptance")
        assert (refused.status_code, slug(refused)) == (409, "claims-failed")

    async def test_late_and_repeated_checks_change_nothing(self, world, recorded):
        case, clerk, claim_id = await claimed(world, recorded)
        await check(world, claim_id, "valid")
        await check(world, claim_id, "invalid", "revoked")
        await check(world, str(case.item_id), "valid")
        shown = (await clerk.get(case.path)).json()
        assert {m["material_id"]: m["state"] for m in shown["materials"]}["card"] == "verified"

    async def test_stale_tag_is_412_and_present_tag_passes(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        tag = (await clerk.get(case.path)).headers["etag"]
        stale = await clerk.act(case, "acceptance", None, **{"If-Match": '"77"'})
        good = await clerk.act(case, "acceptance", None, **{"If-Match": tag})
        assert (stale.status_code, good.status_code) == (412, 200)
        assert good.headers["etag"] != tag


async def claimed(world, recorded):
    case = await world.submitted(claim="1.2.156.X")
    clerk = await world.staff("clerk")
    await clerk.claim(case)
    (event,) = await recorded("case.certificate_claimed.v1")
    return case, clerk, event["data"]["claim_id"]


async def check(world, claim_id, outcome, reason=None):
    await world.tell(
        "exchange.claim_checked.v1", {"claim_id": claim_id, "outcome": outcome, "reason": reason}
    )


class TestCorrection:
    async def noticed(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        shown = await ok(await clerk.act(case, "correction-notice", NOTICE))
        return case, clerk, shown

    async def test_notice_stops_the_clock_and_tells_everything(self, world, recorded, freeze):
        with freeze(day("2026-03-02")):
            case, _, shown = await self.noticed(world)
            seen = await case.seen()
        assert shown["status"] == "correction_required"
        assert seen["correction"]["items"][0]["reason"] == "签名不全"
        assert seen["next"] == {
            "by": "applicant",
            "step": None,
            "name": "补正材料",
            "until": "2026-04-01",
        }
        assert seen["now_with"] is None
        assert {"correction", "withdrawal"} <= set(seen["actions"])
        assert len(await recorded("case.correction_requested.v1")) == 1

    async def test_correction_replaces_and_opens_acceptance_again(self, world, session, recorded):
        case, clerk, _ = await self.noticed(world)
        file_id = await world.file(case.citizen.id)
        body = {
            "form": {"size": 4},
            "answers": {"household": "other"},
            "materials": [
                {"material_id": "declaration", "file_id": file_id},
                {"material_id": "permit", "file_id": await world.file(case.citizen.id)},
            ],
        }
        shown = await ok(await case.citizen.act(case, "correction", body))
        assert shown["status"] == "submitted"
        assert shown["form"] == {"name": "蒋秀兰", "id_number": "511602196805120266", "size": 4}
        materials = {one["material_id"]: one for one in shown["materials"]}
        assert materials["declaration"]["file_id"] == file_id
        assert set(materials) == {"declaration", "card", "permit", "book", "record"}
        assert shown["correction"]["corrected_at"]
        assert len(await recorded("case.corrected.v1")) == 1
        # In the pool for all, and the clerk who asked may go on without claiming.
        other = await world.staff("clerk")
        assert await other.task(case) is not None
        assert await clerk.task(case, "mine") is not None
        assert (await ok(await clerk.act(case, "acceptance")))["status"] == "accepted"

    async def test_second_notice_is_409(self, world):
        case, clerk, _ = await self.noticed(world)
        await ok(await case.citizen.act(case, "correction", {"form": {"size": 4}}))
        assert "correction-notice" not in (await clerk.get(case.path)).json()["actions"]
        again = await clerk.act(case, "correction-notice", NOTICE)
        assert (again.status_code, slug(again)) == (409, "correction-used")
        declined = {"reason_code": "incomplete_after_notice", "reason": "仍不齐"}
        await ok(await clerk.act(case, "non-acceptance", declined))

    async def test_other_clerk_may_claim_after_correction_and_then_the_first_may_not(self, world):
        case, clerk, _ = await self.noticed(world)
        await ok(await case.citizen.act(case, "correction", {"form": {"size": 4}}))
        other = await world.staff("clerk")
        await other.claim(case)
        assert (await clerk.act(case, "acceptance")).status_code == 409
        await ok(await other.act(case, "acceptance"))

    @pytest.mark.parametrize(
        ("items", "pointer"),
        [
            ([], "/items"),
            ([{"reason": "x"}], "/items/0"),
            ([{"reason": "x", "material_id": "a", "pointer": "/form/name"}], "/items/0"),
            ([{"reason": "x", "material_id": "nope"}], "/items/0/material_id"),
            ([{"reason": "x", "pointer": "/form/nope"}], "/items/0/pointer"),
            ([{"reason": "", "pointer": "/form/name"}], "/items/0/reason"),
        ],
    )
    async def test_malformed_notice_is_422(self, world, items, pointer):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        answer = await clerk.act(case, "correction-notice", {"items": items})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer

    async def test_empty_and_invalid_corrections_change_nothing(self, world):
        case, _, _ = await self.noticed(world)
        before = await case.seen()
        for body in ({}, {"form": {"size": "x"}}, {"form": {"name": None}}):
            assert (await case.citizen.act(case, "correction", body)).status_code == 422
        assert await case.seen() == before

    async def test_correction_without_notice_is_409(self, world):
        case = await world.immediate()
        answer = await case.citizen.act(case, "correction", {"form": {"size": 4}})
        assert (answer.status_code, slug(answer)) == (409, "illegal-move")

    async def test_promised_material_is_supplied_until_its_date(self, world, freeze, recorded):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            file_id = await world.file(case.citizen.id)
            sent = {"materials": [{"material_id": "record", "file_id": file_id}]}
            other = {"materials": [{"material_id": "card", "file_id": file_id}]}
            refused = await case.citizen.act(case, "correction", other)
            with_form = await case.citizen.act(case, "correction", sent | {"form": {"size": 4}})
        with freeze(day("2026-03-18")):
            late = await case.citizen.act(case, "correction", sent)
        with freeze(day("2026-03-17")):
            shown = await ok(await case.citizen.act(case, "correction", sent))
            again = await case.citizen.act(case, "correction", sent)
        assert (refused.status_code, with_form.status_code, late.status_code) == (409, 409, 409)
        assert slug(refused) == "nothing-promised"
        assert {m["material_id"]: m["state"] for m in shown["materials"]}["record"] == "supplied"
        assert shown["status"] == "submitted"
        assert again.status_code == 409
        assert len(await recorded("case.corrected.v1")) == 1


class TestSilence:
    """Between the end of the five days and the next turn of the loop (许可法 32(4))."""

    async def late(self, world, freeze):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            clerk = await world.staff("clerk")
            await clerk.claim(case)
        return case, Officer(clerk.id, world.client, officer_token(clerk.id, "clerk"))

    @pytest.mark.parametrize(
        ("action", "body"),
        [
            ("correction-notice", {"items": [{"pointer": "/form/size", "reason": "有误"}]}),
            ("non-acceptance", {"reason_code": "duplicate", "reason": "重复申请"}),
        ],
    )
    async def test_nothing_is_asked_for_or_declined_any_more(self, world, freeze, action, body):
        case, clerk = await self.late(world, freeze)
        with freeze(day("2026-03-10")):
            answer = await clerk.act(case, action, body)
            assert (answer.status_code, slug(answer)) == (409, "deemed-accepted")
            assert (await case.seen())["status"] == "submitted"

    async def test_late_acceptance_counts_from_the_receipt(self, world, freeze):
        case, clerk = await self.late(world, freeze)
        with freeze(day("2026-03-10")):
            shown = await ok(await clerk.act(case, "acceptance"))
        assert shown["accepted_at"] == shown["received_at"]

    async def test_on_the_last_day_there_is_time(self, world, freeze):
        case, clerk = await self.late(world, freeze)
        with freeze(day("2026-03-09", 23)):
            body = {"items": [{"pointer": "/form/size", "reason": "有误"}]}
            await ok(await clerk.act(case, "correction-notice", body))


class TestNonAcceptance:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("not_required", "not_required"),
            ("not_statutory_form", "not_accepted"),
            ("not_meet_condition", "not_accepted"),
            ("quota_full", "not_accepted"),
            ("false_material", "not_accepted"),
            ("reapply_banned", "not_accepted"),
            ("duplicate", "not_accepted"),
        ],
    )
    async def test_reasons_give_their_status(self, world, recorded, code, status):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        body = {"reason_code": code, "reason": "说明"}
        shown = await ok(await clerk.act(case, "non-acceptance", body))
        assert shown["status"] == status
        seen = await case.seen()
        assert "复议" in seen["non_acceptance"]["remedies"]
        assert seen["next"] is None
        assert "withdrawal" not in seen["actions"]
        (event,) = await recorded("case.not_accepted.v1")
        assert event["data"]["status"] == status

    async def test_not_competent_names_the_authority(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        body = {"reason_code": "not_competent", "reason": "说明"}
        refused = await clerk.act(case, "non-acceptance", body)
        assert refused.json()["errors"][0]["pointer"] == "/competent_authority"
        told = body | {"competent_authority": "市民政局"}
        shown = await ok(await clerk.act(case, "non-acceptance", told))
        assert shown["non_acceptance"]["competent_authority"] == "市民政局"

    async def test_still_incomplete_needs_a_notice_first(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        body = {"reason_code": "incomplete_after_notice", "reason": "说明"}
        answer = await clerk.act(case, "non-acceptance", body)
        assert (answer.status_code, slug(answer)) == (409, "notice-first")

    @pytest.mark.parametrize(
        "body",
        [
            {"reason_code": "applicant_withdraw", "reason": "x"},
            {"reason_code": "whatever", "reason": "x"},
            {"reason_code": "duplicate"},
            {"reason_code": "duplicate", "reason": "  "},
        ],
    )
    async def test_malformed_is_422(self, world, body):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        assert (await clerk.act(case, "non-acceptance", body)).status_code == 422


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
        # The day it started on counts: 10–13 March are left out (domain.md 3.6, eighth vector).
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
        assert slug(claim) == "not-your-step"

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


async def issue(world, case, code, certificate_id=None):
    certificate_id = certificate_id or str(clock.new_id())
    content = {
        "certificate_id": certificate_id,
        "code": code,
        "case_id": case.id,
        "certificate_type": "11511301008778298W002",
        "name": "保障证",
        "issued_on": "2026-03-20",
        "valid_to": None,
        "version": 1,
    }
    await world.tell("exchange.certificate_issued.v1", content)
    return certificate_id


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
        assert (answer.status_code, slug(answer)) == (409, "task-not-in-hand")
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
