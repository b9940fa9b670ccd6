from datetime import timedelta

import pytest

from chassis import clock

from .factories import (
    CHECKED,
    CIVIL_AFFAIRS,
    admin,
    change,
    claim,
    claim_on,
    deliver_company,
    deliver_person,
    footprints,
    issue,
    result,
    staff,
    unknown_code,
)


async def entries(client):
    answer = await client.get("/api/v1/exchange/ledger/check", headers=admin())
    assert answer.json()["is_whole"]
    return answer.json()["entries"]


class TestCheck:
    async def test_ones_own_certificate_counts(self, client, deliver, recorded):
        row = await issue(deliver, client)
        answer, event = await claim(deliver, recorded, row["code"], row["person_id"])
        assert (answer["outcome"], answer["reason"]) == ("valid", None)
        assert answer["case_id"] == str(event["case_id"])
        assert answer["material_id"] == "m1"
        assert answer["certificate_code"] == row["code"]

    async def test_the_access_is_in_footprints_and_ledger(self, client, deliver, recorded):
        row = await issue(deliver, client)
        _, event = await claim(deliver, recorded, row["code"], row["person_id"])
        (access,) = (await footprints(client, row["person_id"]))["data"]
        assert access["department"]["code"] == CIVIL_AFFAIRS
        assert access["case_no"] == event["case_no"]
        assert "困难残疾人生活补贴" in access["ground"]
        assert await entries(client) == 1

    async def test_any_type_counts_when_none_is_asked_for(self, client, deliver, recorded):
        row = await issue(deliver, client)
        person = row["person_id"]
        answer, _ = await claim(deliver, recorded, row["code"], person, certificate_type=None)
        assert answer["outcome"] == "valid"

    async def test_an_unknown_code_does_not_count(self, deliver, recorded, client):
        for code in (unknown_code(), "x"):
            answer, _ = await claim(deliver, recorded, code, clock.new_id())
            assert (answer["outcome"], answer["reason"]) == ("invalid", "unknown")
        assert await entries(client) == 2

    async def test_a_strangers_certificate_looks_unknown_and_tells_the_stranger_nothing(
        self, client, deliver, recorded
    ):
        row = await issue(deliver, client)
        answer, _ = await claim(deliver, recorded, row["code"], clock.new_id())
        assert (answer["outcome"], answer["reason"]) == ("invalid", "unknown")
        assert (await footprints(client, row["person_id"]))["data"] == []
        assert await entries(client) == 1

    async def test_another_type_does_not_count(self, client, deliver, recorded):
        row = await issue(deliver, client)
        other = f"{CIVIL_AFFAIRS}009"
        answer, _ = await claim(
            deliver, recorded, row["code"], row["person_id"], certificate_type=other
        )
        assert (answer["outcome"], answer["reason"]) == ("invalid", "wrong_type")

    @pytest.mark.parametrize(
        ("action", "reason"), [("suspension", "suspended"), ("revocation", "revoked")]
    )
    async def test_what_was_taken_away_does_not_count(
        self, client, deliver, recorded, action, reason
    ):
        row = await issue(deliver, client)
        await change(client, row["code"], action, staff(role="decider"))
        answer, _ = await claim(deliver, recorded, row["code"], row["person_id"])
        assert (answer["outcome"], answer["reason"]) == ("invalid", reason)

    async def test_the_last_day_counts_and_the_next_does_not(
        self, client, deliver, recorded, freeze
    ):
        row = await issue(deliver, client, results=[result(validity_months=1)])
        days = (clock.now().date().fromisoformat(row["valid_to"]) - clock.today()).days
        for later, outcome in [(days, "valid"), (days + 1, "invalid")]:
            with freeze(clock.now() + timedelta(days=later)):
                answer, _ = await claim(deliver, recorded, row["code"], row["person_id"])
            assert answer["outcome"] == outcome
        assert answer["reason"] == "expired"


class TestCompany:
    @pytest.fixture
    async def row(self, client, deliver):
        leader = await deliver_person(deliver)
        company_id = await deliver_company(deliver, leader)
        return await issue(deliver, client, leader, company_id)

    async def test_a_companys_certificate_counts_in_its_own_case(self, deliver, recorded, row):
        agent = clock.new_id()
        answer, _ = await claim(deliver, recorded, row["code"], agent, row["company_id"])
        assert answer["outcome"] == "valid"

    async def test_not_in_the_leaders_private_case(self, deliver, recorded, row):
        answer, _ = await claim(deliver, recorded, row["code"], row["person_id"])
        assert answer["outcome"] == "invalid"

    async def test_not_in_another_companys_case(self, deliver, recorded, row):
        answer, _ = await claim(
            deliver, recorded, row["code"], row["person_id"], str(clock.new_id())
        )
        assert answer["outcome"] == "invalid"


class TestOnce:
    async def test_a_redelivered_claim_is_answered_once(self, client, deliver, recorded):
        row = await issue(deliver, client)
        event, event_id = claim_on(row["code"], row["person_id"]), clock.new_id()
        assert await deliver("case.certificate_claimed.v1", event, event_id=event_id)
        assert not await deliver("case.certificate_claimed.v1", event, event_id=event_id)
        assert len(await recorded(CHECKED)) == 1

    async def test_a_claim_delivered_again_is_answered_once(self, client, deliver, recorded):
        row = await issue(deliver, client)
        event = claim_on(row["code"], row["person_id"])
        for _ in range(2):
            assert await deliver("case.certificate_claimed.v1", event)
        assert len(await recorded(CHECKED)) == 1
        assert len((await footprints(client, row["person_id"]))["data"]) == 1
