"""Row 13: what is missing is asked for once, and comes."""

import pytest

from ..factories import day
from .handling import NOTICE, ok, slug


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
