from datetime import timedelta

import pytest

from chassis import clock
from chassis.testing.plugin import token_for

from .factories import (
    CIVIL_AFFAIRS,
    MARKET,
    admin,
    change,
    citizen,
    claim,
    deliver_company,
    deliver_department,
    deliver_mandate,
    deliver_person,
    footprints,
    grant,
    held,
    issue,
    result,
    staff,
    unknown_code,
    verify,
)


class TestList:
    async def test_newest_first_in_pages(self, client, deliver):
        person = await deliver_person(deliver)
        for _ in range(3):
            await grant(deliver, person)
        headers = citizen(person)
        first = await client.get("/api/v1/me/certificates?limit=2", headers=headers)
        assert len(first.json()["data"]) == 2
        query = {"limit": 2, "after": first.json()["next"]}
        second = await client.get("/api/v1/me/certificates", params=query, headers=headers)
        assert second.json()["next"] is None
        codes = [row["code"] for row in first.json()["data"] + second.json()["data"]]
        assert codes == [row["code"] for row in await held(client, headers)]

    async def test_a_stranger_sees_nothing(self, client, deliver):
        await issue(deliver, client)
        assert await held(client, citizen()) == []

    async def test_who_may_ask(self, client):
        path = "/api/v1/me/certificates"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=staff())).status_code == 403
        assert (await client.get(path, headers=token_for("system"))).status_code == 403

    async def test_a_bad_cursor_is_refused(self, client):
        path = "/api/v1/me/certificates?after=x"
        assert (await client.get(path, headers=citizen())).status_code == 422


class TestCompany:
    @pytest.fixture
    async def company(self, client, deliver):
        leader = await deliver_person(deliver)
        company_id = await deliver_company(deliver, leader)
        row = await issue(deliver, client, leader, company_id)
        return {"leader": leader, "company_id": company_id, "code": row["code"]}

    async def test_the_holder_is_the_company(self, client, company):
        answer = await client.get(
            f"/api/v1/certificates/{company['code']}", headers=citizen(company["leader"])
        )
        assert answer.json()["holder"] == {"name": "广安区晨光食品店", "code": "91511602MA0TE5T16C"}

    async def test_the_list_can_be_limited_to_it(self, client, deliver, company):
        await grant(deliver, company["leader"])
        headers = citizen(company["leader"])
        assert len(await held(client, headers)) == 2
        (row,) = await held(client, headers, company_id=str(company["company_id"]))
        assert row["code"] == company["code"]

    async def test_an_agent_sees_it(self, client, deliver, company):
        agent = clock.new_id()
        await deliver_mandate(deliver, company["company_id"], agent)
        assert [row["code"] for row in await held(client, citizen(agent))] == [company["code"]]

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "revoked"},
            {"powers": ["apply"]},
            {"item_codes": ["something-else"]},
            {"valid_from": clock.today() + timedelta(days=1)},
            {"valid_to": clock.today() - timedelta(days=1)},
        ],
    )
    async def test_without_a_fitting_mandate_it_is_not_there(
        self, client, deliver, company, change
    ):
        agent = clock.new_id()
        await deliver_mandate(deliver, company["company_id"], agent, **change)
        assert await held(client, citizen(agent)) == []
        path = f"/api/v1/certificates/{company['code']}"
        assert (await client.get(path, headers=citizen(agent))).status_code == 404

    async def test_a_mandate_for_the_item_is_enough(self, client, deliver, company):
        agent = clock.new_id()
        await deliver_mandate(deliver, company["company_id"], agent, item_codes=["canji-1"])
        assert len(await held(client, citizen(agent))) == 1

    async def test_an_agent_who_applied_sees_it_only_while_the_mandate_lasts(
        self, client, deliver, company
    ):
        agent = await deliver_person(deliver)
        await grant(deliver, agent, company["company_id"])
        assert await held(client, citizen(agent)) == []

    async def test_an_access_by_staff_leaves_no_footprint_with_a_person(self, client, company):
        await client.get(f"/api/v1/certificates/{company['code']}", headers=staff())
        assert (await footprints(client, company["leader"]))["data"] == []
        check = await client.get("/api/v1/exchange/ledger/check", headers=admin())
        assert check.json()["entries"] == 1


class TestRead:
    async def test_the_holder_sees_it_whole_and_leaves_no_footprint(self, client, deliver):
        row = await issue(deliver, client)
        headers = citizen(row["person_id"])
        answer = await client.get(f"/api/v1/certificates/{row['code']}", headers=headers)
        seen = answer.json()
        assert answer.headers["etag"] == '"1"'
        assert seen["holder"] == {"name": "张三丰", "code": "511602199001011234"}
        assert seen["fields"]["home_address"] == "广安区北仓路1号"
        assert not seen["is_masked"]
        assert seen["actions"] == []
        assert (await footprints(client, row["person_id"]))["data"] == []

    async def test_the_issuing_department_sees_it_masked_and_recorded(self, client, deliver):
        await deliver_department(deliver)
        row = await issue(deliver, client)
        officer = clock.new_id()
        headers = staff(id=officer)
        answer = await client.get(f"/api/v1/certificates/{row['code']}", headers=headers)
        seen = answer.json()
        assert seen["holder"] == {"name": "张*丰", "code": "511602********1234"}
        assert seen["fields"]["category"] == "肢体"
        assert "北仓" not in answer.text
        assert seen["is_masked"]
        (access,) = (await footprints(client, row["person_id"]))["data"]
        assert access["department"] == {"code": CIVIL_AFFAIRS, "name": "区民政局"}
        assert access["post"] == "窗口受理岗"
        assert access["case_id"] == row["case_id"]
        assert set(access["fields"]) == {"holder", "household", "category", "home_address"}
        assert access["ground"]
        assert str(officer) not in str(access)

    async def test_a_department_that_was_shown_it_sees_it(self, client, deliver, recorded):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/{row['code']}"
        other = staff(MARKET, "decider")
        assert (await client.get(path, headers=other)).status_code == 404
        _, event = await claim(
            deliver, recorded, row["code"], row["person_id"], department_code=MARKET
        )
        answer = await client.get(path, headers=other)
        assert answer.status_code == 200
        assert answer.json()["actions"] == []
        access = (await footprints(client, row["person_id"]))["data"][0]
        assert access["case_id"] == str(event["case_id"])

    async def test_a_failed_claim_shows_nothing(self, client, deliver, recorded):
        row = await issue(deliver, client)
        await claim(deliver, recorded, row["code"], clock.new_id(), department_code=MARKET)
        path = f"/api/v1/certificates/{row['code']}"
        assert (await client.get(path, headers=staff(MARKET))).status_code == 404

    async def test_others_do_not_see_it(self, client, deliver):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/{row['code']}"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=citizen())).status_code == 404
        assert (await client.get(path, headers=admin())).status_code == 404
        assert (await client.get(path, headers=token_for("system"))).status_code == 403
        assert (await footprints(client, row["person_id"]))["data"] == []

    async def test_an_unknown_code_is_not_found(self, client):
        path = f"/api/v1/certificates/{unknown_code()}"
        answer = await client.get(path, headers=citizen())
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:onenet:problem:certificate-not-found"


class TestVerify:
    async def test_anyone_learns_what_the_type_allows_and_no_more(self, client, deliver):
        row = await issue(deliver, client)
        seen = await verify(client, row["code"])
        assert seen == {
            "status": "valid",
            "reason": None,
            "type": row["type"],
            "name": row["name"],
            "issuer": "区民政局",
            "issued_on": row["issued_on"],
            "valid_to": row["valid_to"],
            "fields": {"category": "肢体"},
        }

    async def test_an_unknown_code_is_unknown(self, client):
        seen = await verify(client, unknown_code())
        assert (seen["status"], seen["reason"]) == ("unknown", "not_issued_here")
        assert seen["name"] is None

    @pytest.mark.parametrize("text", ["", "x", "1.2.156.3005.2", "证照" * 90])
    async def test_a_malformed_code_is_unknown(self, client, text):
        seen = await verify(client, text)
        assert (seen["status"], seen["reason"]) == ("unknown", "format")

    async def test_a_wrong_check_character_is_unknown(self, client, deliver):
        row = await issue(deliver, client)
        crooked = row["code"][:-1] + ("0" if row["code"][-1] != "0" else "1")
        assert (await verify(client, crooked))["reason"] == "check_character"

    async def test_a_code_is_needed(self, client):
        assert (await client.get("/api/v1/certificates/verify")).status_code == 422
        path = "/api/v1/certificates/verify?code=" + "1" * 201
        assert (await client.get(path)).status_code == 422

    async def test_it_expires_by_date(self, client, deliver, freeze):
        row = await issue(deliver, client, results=[result(validity_months=1)])
        with freeze(clock.now() + timedelta(days=27)):
            assert (await verify(client, row["code"]))["status"] == "valid"
        with freeze(clock.now() + timedelta(days=40)):
            assert (await verify(client, row["code"]))["status"] == "expired"
            assert (await held(client, citizen(row["person_id"])))[0]["status"] == "expired"

    async def test_an_unchanged_answer_is_not_sent_again_but_a_revocation_shows(
        self, client, deliver
    ):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/verify?code={row['code']}"
        tag = (await client.get(path)).headers["etag"]
        held_tag = {"If-None-Match": tag}
        assert (await client.get(path, headers=held_tag)).status_code == 304
        await change(client, row["code"], "revocation", staff(role="decider"))
        answer = await client.get(path, headers=held_tag)
        assert (answer.status_code, answer.json()["status"]) == (200, "revoked")


class TestStaffScope:
    async def test_only_the_division_and_those_above_it(self, client, deliver):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/{row['code']}"
        regions = ["511602000000", "511600000000", "510000000000", "511603000000", "511602001000"]
        statuses = {}
        for region in regions:
            who = token_for("staff", department=CIVIL_AFFAIRS, region=region, roles=["clerk"])
            statuses[region] = (await client.get(path, headers=who)).status_code
        assert list(statuses.values()) == [200, 200, 200, 404, 404]
        for region in (None, ""):
            who = token_for("staff", department=CIVIL_AFFAIRS, region=region, roles=["clerk"])
            assert (await client.get(path, headers=who)).status_code == 404

    async def test_what_lies_inside_is_masked_too(self, client, deliver):
        face = {"fields": {"ill": True, "none": None, "family": {"names": ["蒋秀兰"]}}}
        row = await issue(deliver, client, face=face)
        answer = await client.get(f"/api/v1/certificates/{row['code']}", headers=staff())
        fields = answer.json()["fields"]
        assert fields["ill"] == fields["none"] == "*"
        assert fields["family"] == {"names": ["蒋*兰"]}

    async def test_links_lead_where_this_actor_may_go(self, client, deliver):
        row = await issue(deliver, client)
        path = f"/api/v1/certificates/{row['code']}"
        shown = (await client.get(path, headers=staff(role="decider"))).json()
        assert "document" not in shown["links"]
        assert {shown["links"][action] for action in shown["actions"]} == {
            f"{path}/suspension",
            f"{path}/revocation",
        }
        assert (
            "document"
            in (await client.get(path, headers=citizen(row["person_id"]))).json()["links"]
        )
