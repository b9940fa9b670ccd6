"""Row 7 for companies, and drafts: kept, changed, handed in."""

from uuid import UUID

import pytest

from chassis import clock
from chassis.testing.plugin import token_for

from ..factories import Officer, guide
from .applying import person_with_item, pointers, submit
from .handling import slug


class TestCompany:
    async def test_agent_with_the_power_applies_for_the_company(self, world):
        agent, item = await person_with_item(world)
        company = await world.company(clock.new_id())
        await world.mandate(company, agent.id, ["apply"])
        body = await world.body(agent.id, item, on_behalf_of=str(company))
        answer = await submit(agent, body)
        assert answer.status_code == 201
        shown = (await agent.get(answer.json()["links"]["self"])).json()
        assert shown["applicant"]["type"] == "enterprise"
        assert shown["applicant"]["company"]["company_id"] == str(company)

    async def test_legal_representative_needs_no_mandate(self, world):
        boss, item = await person_with_item(world)
        company = await world.company(boss.id)
        body = await world.body(boss.id, item, on_behalf_of=str(company))
        assert (await submit(boss, body)).status_code == 201

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"powers": ["view"]}, 403),
            ({"powers": ["apply"], "item_codes": ["other"]}, 403),
            ({"powers": ["apply"], "status": "revoked"}, 404),
            ({"powers": ["apply"], "status": "pending"}, 404),
            ({"powers": ["apply"], "valid_to": "2020-06-01"}, 404),
            ({"powers": ["apply"], "valid_from": "2099-01-01"}, 404),
        ],
    )
    async def test_without_a_fitting_mandate_it_is_refused(self, world, changes, status):
        agent, item = await person_with_item(world)
        company = await world.company(clock.new_id())
        powers = changes.pop("powers")
        await world.mandate(company, agent.id, powers, **changes)
        answer = await submit(agent, await world.body(agent.id, item, on_behalf_of=str(company)))
        assert answer.status_code == status

    async def test_stranger_is_told_nothing_of_the_company(self, world):
        agent, item = await person_with_item(world)
        company = await world.company(clock.new_id())
        known = await submit(agent, await world.body(agent.id, item, on_behalf_of=str(company)))
        other = str(clock.new_id())
        unknown = await submit(agent, await world.body(agent.id, item, on_behalf_of=other), "l")
        assert (known.status_code, unknown.status_code) == (404, 404)
        assert slug(known) == slug(unknown) == "company-not-found"

    async def test_audience_is_checked_for_persons_and_companies(self, world):
        boss, item = await person_with_item(world, content=guide(audience=["enterprise"]))
        alone = await submit(boss, await world.body(boss.id, item))
        company = await world.company(boss.id, uscc="51511602MJ0TEST01X")
        social = await submit(boss, await world.body(boss.id, item, on_behalf_of=str(company)), "l")
        assert pointers(alone) == pointers(social) == {"/on_behalf_of": "audience"}


class TestDraft:
    async def draft(self, world, **changes):
        person, item = await person_with_item(world)
        body = await world.body(person.id, item, submit=False) | changes
        return person, (await submit(person, body)).json(), body

    async def test_incomplete_draft_is_kept(self, world, recorded):
        person, draft, _ = await self.draft(world, form={"name": "蒋"}, materials=[])
        assert draft["status"] == "draft"
        assert draft["case_no"] is draft["receipt"] is draft["query_code"] is None
        assert draft["actions"] == ["submission", "withdrawal"]
        assert await recorded("case.submitted.v1") == []
        shown = (await person.get(draft["links"]["self"])).json()
        assert shown["form"] == {"name": "蒋"}

    async def test_patch_needs_the_present_tag_and_merges(self, world):
        person, draft, _ = await self.draft(world, form={"name": "蒋"}, materials=[])
        path = draft["links"]["self"]
        shown = await person.get(path)
        missing = await world.client.patch(path, json={}, headers=person.headers)
        stale = await world.client.patch(
            path, json={}, headers=person.headers | {"If-Match": '"99"'}
        )
        good = await world.client.patch(
            path,
            json={"form": {"name": None, "size": 3}, "answers": {"household": "other"}},
            headers=person.headers | {"If-Match": shown.headers["etag"]},
        )
        assert (missing.status_code, stale.status_code, good.status_code) == (428, 412, 200)
        assert good.json()["form"] == {"size": 3}
        assert good.json()["answers"] == {"household": "other"}
        assert good.headers["etag"] != shown.headers["etag"]

    async def test_materials_of_a_draft_are_replaced(self, world):
        person, draft, body = await self.draft(world, materials=[])
        path = draft["links"]["self"]
        complete = await world.body(person.id, body["item_id"])
        await world.client.patch(
            path,
            json={"materials": complete["materials"]},
            headers=person.headers | {"If-Match": "*"},
        )
        answer = await person.post(f"{path}/submission")
        assert answer.status_code == 200
        assert answer.json()["status"] == "submitted"
        assert answer.json()["receipt"]

    async def test_submission_checks_everything(self, world):
        person, draft, _ = await self.draft(world, form={}, materials=[])
        answer = await person.post(f"{draft['links']['self']}/submission")
        assert answer.status_code == 422
        assert "/form/name" in pointers(answer)
        again = await person.get(draft["links"]["self"])
        assert again.json()["status"] == "draft"

    async def test_submitted_case_is_no_draft_any_more(self, world):
        case = await world.submitted()
        patched = await world.client.patch(
            case.path, json={}, headers=case.citizen.headers | {"If-Match": "*"}
        )
        again = await case.citizen.act(case, "submission")
        assert (patched.status_code, again.status_code) == (409, 409)
        assert again.json()["possible"] == [
            "withdrawal",
            "acceptance",
            "correction-notice",
            "non-acceptance",
        ]

    async def test_draft_takes_the_guide_of_the_day_it_is_submitted(self, world):
        person, draft, body = await self.draft(world)
        await world.item(item_id=UUID(body["item_id"]))
        await person.post(f"{draft['links']['self']}/submission")
        assert (await person.get(draft["links"]["self"])).json()["item_version"] == 2

    async def test_agent_without_the_power_any_more_cannot_submit(self, world):
        agent, item = await person_with_item(world)
        company = await world.company(clock.new_id())
        mandate = await world.mandate(company, agent.id, ["apply"])
        body = await world.body(agent.id, item, submit=False, on_behalf_of=str(company))
        draft = (await submit(agent, body)).json()
        again = {"mandate_id": mandate, "version": 2}
        await world.mandate(company, agent.id, ["view"], **again)
        answer = await agent.post(f"{draft['links']['self']}/submission")
        assert (answer.status_code, slug(answer)) == (403, "insufficient-mandate")

    async def test_nobody_else_sees_a_draft(self, world):
        _, draft, _ = await self.draft(world)
        other = Officer(clock.new_id(), world.client, token_for())
        clerk = await world.staff("clerk")
        admin = await world.staff("platform_admin", department_code=None)
        for one in (other, clerk, admin):
            assert (await one.get(draft["links"]["self"])).status_code == 404

    async def test_draft_can_be_dropped_and_for_another_applicant(self, world, recorded):
        person, draft, _ = await self.draft(world)
        company = await world.company(person.id)
        path = draft["links"]["self"]
        moved = await world.client.patch(
            path, json={"on_behalf_of": str(company)}, headers=person.headers | {"If-Match": "*"}
        )
        assert moved.json()["applicant"]["company"]["company_id"] == str(company)
        gone = await person.post(f"{path}/withdrawal", {"reason": "不办了"})
        assert gone.json()["status"] == "withdrawn"
        assert await recorded("case.withdrawn.v1") == []
