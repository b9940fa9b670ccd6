"""Rows 12 and 14: taking an application in, or not, and what silence does."""

import pytest

from ..factories import Officer, day, guide, officer_token
from .handling import NOTICE, accepted, check, claimed, entries, ok, slug


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
        assert (answer.status_code, slug(answer)) == (409, "correction-notice-required")

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
