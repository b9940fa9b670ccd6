"""Rows 8 and 9: who sees what of a case, and what a look leaves behind."""

import pytest
from sqlalchemy import select

from case_svc.cases.models import CaseMaterial
from case_svc.views.schemas.lists import CaseRowOut
from case_svc.views.usecases.detail import find_file_access, record_file_access
from chassis import clock
from chassis.auth import Actor
from chassis.testing.plugin import token_for

from ..factories import DEPARTMENT, REGION, Applied, Officer, day, guide, immediate_guide, step

MASKED = {"name": "蒋*兰", "id_number": "511602********0266", "size": 3}


def pages(case):
    return (case.path, f"{case.path}/timeline", f"{case.path}/clock")


async def someone(world):
    person = await world.person()
    return Officer(person, world.client, token_for(id=person))


class TestVisibility:
    async def test_party_sees_all_but_officers_names(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        await clerk.act(case, "acceptance")
        await clerk.claim(case)
        seen = await case.seen()
        assert seen["form"]["name"] == "蒋秀兰"
        assert seen["applicant"]["id_number"] == "511602196805120266"
        assert seen["query_code"] == case.answer["query_code"]
        assert seen["now_with"] == {
            "department": {"code": DEPARTMENT, "name": "区民政局"},
            "post": "survey岗",
            "claimed": True,
            "officer": None,
        }
        timeline = (await case.citizen.get(f"{case.path}/timeline")).json()
        assert [one["action"] for one in timeline["data"]] == ["submission", "acceptance"]
        assert "王建国" not in str(seen) + str(timeline)

    @pytest.mark.parametrize(
        ("roles", "place"),
        [
            (("clerk",), {}),
            (("decider",), {}),
            (("department_admin",), {}),
            ((), {}),
            (("clerk",), {"region_code": "511600000000"}),
            (("platform_admin",), {"department_code": None, "region_code": "510000000000"}),
            (("platform_admin",), {"department_code": "X", "region_code": "330000000000"}),
        ],
    )
    async def test_colleagues_see_personal_fields_masked_and_recorded(
        self, world, recorded, roles, place
    ):
        case = await world.submitted()
        officer = await world.staff(*roles, **place)
        shown = (await officer.get(case.path)).json()
        assert shown["form"] == MASKED
        assert shown["applicant"]["name"] == "蒋*兰"
        assert shown["query_code"] is None
        for path in pages(case):
            assert (await officer.get(path)).status_code == 200
        looks = await recorded("case.footprint_recorded.v1")
        assert len(looks) == 3  # the case twice, its timeline once
        content = looks[0]["data"]
        assert content["person_id"] == str(case.citizen.id)
        assert content["actor_id"] == str(officer.id)
        assert set(content["fields"]) >= {"form.name", "form.id_number", "applicant.name"}
        assert "form.size" not in content["fields"]
        assert "蒋" not in str(looks)

    async def test_holder_of_the_task_sees_all_recorded(self, world, recorded):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        shown = (await clerk.get(case.path)).json()
        assert shown["form"]["name"] == "蒋秀兰"
        assert shown["now_with"]["officer"] == "王建国"
        (look,) = await recorded("case.footprint_recorded.v1")
        assert "办理" in look["data"]["ground"]
        timeline = (await clerk.get(f"{case.path}/timeline")).json()["data"]
        assert timeline[0]["officer"] is None
        (*_, second) = await recorded("case.footprint_recorded.v1")
        assert second["data"]["fields"] == ["timeline"]

    async def test_own_timeline_leaves_no_footprint(self, world, recorded):
        case = await world.submitted()
        assert (await case.citizen.get(f"{case.path}/timeline")).status_code == 200
        assert await recorded("case.footprint_recorded.v1") == []

    async def test_lists_and_mobile_numbers_are_masked_too(self, world):
        form = {"sources": ["务农", "13800001234"], "name": "蒋秀兰"}
        case = await world.submitted(form={"id_number": "511602196805120266", "size": 3} | form)
        shown = (await (await world.staff("clerk")).get(case.path)).json()
        assert shown["form"]["sources"] == ["**", "138****1234"]

    async def test_what_is_personal_inside_is_masked_and_not_told_in_the_open(
        self, world, recorded
    ):
        properties = {
            "family": {
                "type": "object",
                "properties": {"name": {"type": "string", "x-personal": True}},
            },
            "ill": {"type": "boolean", "x-personal": True},
        }
        form = {"type": "object", "properties": properties}
        told = {"family": {"name": "蒋秀兰"}, "ill": True, "more": "李四光"}
        content = immediate_guide(form=form)
        case = await world.submitted(content=content, form=told, materials=[])
        clerk = await world.staff("clerk")
        shown = (await clerk.get(case.path)).json()["form"]
        assert shown == {"family": {"name": "蒋*兰"}, "ill": "*", "more": "李*光"}
        await clerk.claim(case)
        await clerk.act(case, "acceptance")
        answer = await clerk.act(case, "decision", {"outcome": "granted"})
        assert answer.status_code == 200, answer.text
        (event,) = await recorded("case.decided.v1")
        assert event["data"]["fields"] == {}

    async def test_who_has_no_post_is_told_by_role(self, world, recorded):
        case = await world.submitted()
        admin = await world.staff("platform_admin", department_code=None, post=None)
        await admin.get(case.path)
        (event,) = await recorded("case.footprint_recorded.v1")
        assert event["data"]["post"] == "platform_admin"

    async def test_party_leaves_no_footprint(self, world, recorded):
        case = await world.submitted()
        await case.seen()
        assert await recorded("case.footprint_recorded.v1") == []

    @pytest.mark.parametrize(
        "place",
        [
            {"department_code": "OTHER"},
            {"region_code": "511603000000"},
            {"region_code": "511602001000"},
            {"department_code": None},
            {"region_code": None},
        ],
    )
    async def test_other_staff_get_404(self, world, place):
        case = await world.submitted()
        officer = await world.staff("clerk", "decider", "department_admin", region_code=REGION)
        headers = token_for(
            "staff",
            id=officer.id,
            roles=("clerk", "decider", "department_admin"),
            department=place.get("department_code", DEPARTMENT),
            region=place.get("region_code", REGION),
        )
        other = Officer(officer.id, world.client, headers)
        for path in pages(case):
            assert (await other.get(path)).status_code == 404
        for scope in ("pool", "mine", "done", "department"):
            rows = await other.get("/api/v1/tasks", scope=scope)
            assert rows.json()["data"] == []

    async def test_strangers_systems_and_nobody(self, world):
        case = await world.submitted()
        stranger = await someone(world)
        system = Officer(clock.new_id(), world.client, token_for("system", department=DEPARTMENT))
        nobody = Officer(clock.new_id(), world.client, {})
        for path in pages(case):
            assert (await stranger.get(path)).status_code == 404
            assert (await system.get(path)).status_code == 404
            assert (await nobody.get(path)).status_code == 401
        assert (await stranger.get("/api/v1/me/cases")).json()["data"] == []

    async def test_department_that_takes_part_sees_the_case(self, world):
        steps = [
            step("acceptance", "acceptance"),
            step("fire", "review", department_code="FIRE"),
            step("decision", "decision"),
        ]
        case = await world.submitted(content=guide(steps=steps))
        fire = await world.staff("clerk", department_code="FIRE")
        assert (await fire.get(case.path)).status_code == 404
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        await clerk.act(case, "acceptance")
        assert await clerk.task(case) is None
        await fire.claim(case)
        assert (await fire.get(case.path)).json()["now_with"]["department"]["code"] == "FIRE"

    async def test_unknown_case_and_malformed_id(self, world):
        person = await someone(world)
        assert (await person.get(f"/api/v1/cases/{clock.new_id()}")).status_code == 404
        assert (await person.get("/api/v1/cases/x")).status_code == 422


class TestCompanyCases:
    async def company_case(self, world):
        boss = await someone(world)
        company = await world.company(boss.id)
        item = await world.item()
        body = await world.body(boss.id, item, on_behalf_of=str(company))
        answer = await boss.post("/api/v1/cases", body, **{"Idempotency-Key": "k"})
        return Applied(boss, item, answer.json()), company

    @pytest.mark.parametrize(
        ("powers", "changes", "sees", "acts"),
        [
            (["view"], {}, 200, 403),
            (["view", "withdraw"], {}, 200, 200),
            (["apply"], {}, 404, 404),
            (["view", "withdraw"], {"item_codes": ["other"]}, 404, 404),
            (["view", "withdraw"], {"status": "revoked"}, 404, 404),
        ],
    )
    async def test_agents_see_and_act_as_their_mandate_says(
        self, world, powers, changes, sees, acts
    ):
        case, company = await self.company_case(world)
        agent = await someone(world)
        await world.mandate(company, agent.id, powers, **changes)
        shown = await agent.get(case.path)
        assert shown.status_code == sees
        mine = (await agent.get("/api/v1/me/cases")).json()["data"]
        assert len(mine) == (sees == 200)
        if sees == 200:
            assert shown.json()["applicant"]["id_number"] == "511602********0266"
        act = await agent.act(case, "withdrawal", {"reason": "x"})
        assert act.status_code == acts

    async def test_closed_company_and_former_agent_lose_the_case(self, world):
        agent = await someone(world)
        company = await world.company(clock.new_id())
        mandate = await world.mandate(company, agent.id, ["apply"])
        item = await world.item()
        body = await world.body(agent.id, item, on_behalf_of=str(company))
        answer = await agent.post("/api/v1/cases", body, **{"Idempotency-Key": "k"})
        case = Applied(agent, item, answer.json())
        assert (await agent.get(case.path)).status_code == 200
        assert (await agent.act(case, "withdrawal", {"reason": "x"})).status_code == 403
        await world.mandate(
            company, agent.id, ["apply"], mandate_id=mandate, status="revoked", version=2
        )
        assert (await agent.get(case.path)).status_code == 404

    async def test_closed_company_can_do_nothing(self, world):
        case, company = await self.company_case(world)
        agent = await someone(world)
        await world.mandate(company, agent.id, ["view", "withdraw"])
        assert (await agent.get(case.path)).status_code == 200
        await world.company(case.citizen.id, company_id=company, active=False, version=2)
        for party in (case.citizen, agent):
            assert (await party.get(case.path)).status_code == 404
            assert (await party.get("/api/v1/me/cases")).json()["data"] == []


class TestLists:
    async def test_my_cases_newest_first_with_cursor_and_filter(self, world):
        person = await someone(world)
        item = await world.item()
        ids = []
        for number in range(3):
            body = await world.body(person.id, item, submit=number != 1)
            answer = await person.post("/api/v1/cases", body, **{"Idempotency-Key": f"k{number}"})
            ids.append(answer.json()["case_id"])
        first = (await person.get("/api/v1/me/cases", limit=2, count=True)).json()
        second = (await person.get("/api/v1/me/cases", limit=2, after=first["next"])).json()
        assert [one["case_id"] for one in first["data"] + second["data"]] == ids[::-1]
        assert (first["count"], second["next"]) == (3, None)
        drafts = (await person.get("/api/v1/me/cases", status="draft")).json()["data"]
        assert [one["case_id"] for one in drafts] == [ids[1]]

    async def test_line_has_the_shape_that_is_described(self, world):
        case = await world.submitted()
        (line,) = (await case.citizen.get("/api/v1/me/cases")).json()["data"]
        assert CaseRowOut.model_validate(line).model_dump(mode="json") == line

    async def test_staff_has_no_cases_of_its_own(self, world):
        clerk = await world.staff("clerk")
        assert (await clerk.get("/api/v1/me/cases")).status_code == 403

    async def test_timeline_is_paged(self, world):
        case = await world.submitted()
        await case.citizen.act(case, "withdrawal", {"reason": "不办了"})
        first = (await case.citizen.get(f"{case.path}/timeline", limit=1)).json()
        second = (
            await case.citizen.get(f"{case.path}/timeline", limit=1, after=first["next"])
        ).json()
        assert first["data"][0]["by"] == "citizen"
        assert second["data"][0] | {"at": ""} == {
            "at": "",
            "action": "withdrawal",
            "from_status": "submitted",
            "status": "withdrawn",
            "step": "acceptance",
            "by": "citizen",
            "department": None,
            "post": None,
            "officer": None,
            "note": "不办了",
        }


class TestFiles:
    async def test_officer_of_the_case_reads_its_file_recorded(self, world, session, recorded):
        case = await world.submitted()
        row = await session.scalar(
            select(CaseMaterial).where(
                CaseMaterial.case_id == case.id, CaseMaterial.material_id == "declaration"
            )
        )
        clerk = Actor(
            clock.new_id(), "staff", "web", department=DEPARTMENT, region=REGION,
            roles=frozenset({"clerk"}),
        )  # fmt: skip
        access = await find_file_access(session, clerk, row.file_id)
        assert (str(access.case_id), access.recorded) == (case.id, True)
        await record_file_access(session, clerk, access, row.file_id)
        (look,) = await recorded("case.footprint_recorded.v1")
        assert look["data"]["fields"] == ["material:材料declaration"]
        citizen = Actor(case.citizen.id, "citizen", "web")
        assert not (await find_file_access(session, citizen, row.file_id)).recorded
        other = Actor(clock.new_id(), "citizen", "web")
        assert await find_file_access(session, other, row.file_id) is None


class TestProgress:
    PATH = "/api/v1/progress"

    async def ask(self, world, case_no, code):
        params = {"case_no": case_no, "query_code": code}
        return await world.client.get(self.PATH, params=params)

    def wrong(self, case):
        return f"{(int(case.answer['query_code']) + 1) % 10**6:06d}"

    async def test_status_step_and_date_and_nothing_personal(self, world, freeze):
        with freeze(day("2026-03-02")):
            case = await world.submitted()
            answer = await self.ask(world, case.answer["case_no"], case.answer["query_code"])
        assert answer.status_code == 200
        content = answer.json()
        assert (content["status"], content["step"]) == ("submitted", "acceptance")
        assert content["due_on"] == "2026-03-09"
        assert "蒋" not in answer.text
        assert str(case.citizen.id) not in answer.text

    async def test_wrong_code_and_unknown_number_look_alike(self, world):
        case = await world.submitted()
        wrong = await self.ask(world, case.answer["case_no"], self.wrong(case))
        unknown = await self.ask(world, "5" * 30, "123456")
        assert (wrong.status_code, unknown.status_code) == (404, 404)
        assert wrong.json() == unknown.json()
        good = await self.ask(world, case.answer["case_no"], case.answer["query_code"])
        assert good.status_code == 200

    async def test_guessing_is_slowed_down_for_a_while(self, world, freeze):
        case = await world.submitted()
        with freeze(day("2026-03-02")):
            for _ in range(10):
                answer = await self.ask(world, case.answer["case_no"], self.wrong(case))
                assert answer.status_code == 404
            blocked = await self.ask(world, case.answer["case_no"], case.answer["query_code"])
        assert blocked.status_code == 429
        assert 1 <= int(blocked.headers["retry-after"]) <= 900
        with freeze(day("2026-03-03")):
            freed = await self.ask(world, case.answer["case_no"], case.answer["query_code"])
            again = await self.ask(world, case.answer["case_no"], self.wrong(case))
        assert (freed.status_code, again.status_code) == (200, 404)

    async def test_one_address_cannot_try_many_numbers(self, world):
        statuses = [(await self.ask(world, f"{n:030d}", "000000")).status_code for n in range(31)]
        assert statuses == [404] * 30 + [429]

    async def test_missing_parameters_are_422(self, world):
        assert (await world.client.get(self.PATH)).status_code == 422
