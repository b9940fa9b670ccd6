from datetime import timedelta
from uuid import uuid4

import pytest

from chassis import clock
from identity_svc.mandates.usecases import expire_mandates

from .factories import admin, as_person, make_company, make_person, make_regions

PATH = "/api/v1/me/mandates"
CHANGED = "identity.mandate.changed.v1"


def offer(grantee, /, **changes):
    return {
        "grantee": {"name": grantee["name"], "mobile": grantee["mobile"]},
        "powers": ["view", "apply"],
        "item_codes": ["*"],
        "valid_to": str(clock.today() + timedelta(days=30)),
    } | changes


@pytest.fixture
async def pair(client):
    await make_regions(client)
    return await make_person(client, name="赵董事"), await make_person(client, name="钱经办")


async def grant(client, grantor, grantee, /, **changes):
    body = offer(grantee, **changes)
    answer = await client.post(PATH, json=body, headers=as_person(grantor))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(client, mandate, action, person, **headers):
    path = f"/api/v1/mandates/{mandate['mandate_id']}/{action}"
    return await client.post(path, headers=as_person(person) | headers)


class TestGranting:
    async def test_offer_waits_for_acceptance(self, client, pair, recorded):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        assert mandate["status"] == "pending"
        assert mandate["powers"] == ["apply", "view"]
        assert mandate["grantor"] == "赵*事"
        assert mandate["actions"] == ["revocation"]
        (event,) = await recorded(CHANGED)
        assert event["data"]["grantor_person_id"] == grantor["person_id"]
        assert event["data"]["company_id"] is None
        assert event["data"]["valid_from"] == str(clock.today())

    async def test_by_identity_number_too(self, client, pair):
        grantor, grantee = pair
        known = {"name": grantee["name"], "id_number": grantee["id_number"]}
        assert (await grant(client, grantor, grantee, grantee=known))["status"] == "pending"

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"grantee": {"name": "错名字", "mobile": "13900000000"}}, "/grantee"),
            ({"grantee": {"name": "钱经办", "mobile": "username"}}, "/grantee"),
            ({"grantee": {"name": "钱经办"}}, "/grantee"),
            ({"valid_to": "2020-01-01"}, "/valid_to"),
            ({"valid_from": "2020-01-01"}, "/valid_from"),
            ({"valid_to": "2999-01-01"}, "/valid_to"),
            ({"powers": []}, "/powers"),
            ({"powers": ["own"]}, "/powers/0"),
        ],
    )
    async def test_malformed_offer_is_refused(self, client, pair, changes, pointer):
        grantor, grantee = pair
        answer = await client.post(PATH, json=offer(grantee, **changes), headers=as_person(grantor))
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"] == pointer

    async def test_not_to_oneself(self, client, pair):
        grantor, _ = pair
        answer = await client.post(PATH, json=offer(grantor), headers=as_person(grantor))
        assert answer.json()["errors"][0]["code"] == "self"

    async def test_right_number_with_wrong_name_finds_nobody(self, client, pair):
        grantor, grantee = pair
        body = offer(grantee | {"name": "孙别人"})
        answer = await client.post(PATH, json=body, headers=as_person(grantor))
        assert answer.json()["errors"][0]["code"] == "unknown_person"

    async def test_only_its_representative_grants_for_a_company(self, client, pair):
        grantor, grantee = pair
        company = await make_company(client, grantor)
        body = offer(grantor, company_id=company["company_id"])
        answer = await client.post(PATH, json=body, headers=as_person(grantee))
        assert answer.status_code == 404

    async def test_granting_is_for_citizens(self, client, pair):
        _, grantee = pair
        assert (await client.post(PATH, json=offer(grantee))).status_code == 401
        assert (await client.post(PATH, json=offer(grantee), headers=admin())).status_code == 403


class TestAcceptance:
    async def test_grantee_accepts(self, client, pair, recorded):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        answer = await act(client, mandate, "acceptance", grantee)
        assert answer.json()["status"] == "active"
        assert answer.headers["etag"] == '"2"'
        assert (await recorded(CHANGED))[-1]["data"]["status"] == "active"

    async def test_only_the_grantee_accepts(self, client, pair):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        assert (await act(client, mandate, "acceptance", grantor)).status_code == 403
        stranger = {"person_id": uuid4()}
        assert (await act(client, mandate, "acceptance", stranger)).status_code == 404

    async def test_second_acceptance_conflicts_and_names_what_is_possible(self, client, pair):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        await act(client, mandate, "acceptance", grantee)
        answer = await act(client, mandate, "acceptance", grantee)
        assert answer.status_code == 409
        assert answer.json()["actions"] == ["revocation"]

    async def test_stale_version_is_refused(self, client, pair):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        answer = await act(client, mandate, "acceptance", grantee, **{"If-Match": '"9"'})
        assert answer.status_code == 412

    async def test_offer_past_its_days_is_expired(self, client, pair, freeze):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        with freeze(clock.now() + timedelta(days=32)):
            answer = await act(client, mandate, "acceptance", grantee)
        assert answer.status_code == 409
        assert "expired" in answer.json()["detail"]


class TestRevocation:
    @pytest.mark.parametrize("side", [0, 1])
    async def test_either_side_ends_it(self, client, pair, recorded, side):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        await act(client, mandate, "acceptance", grantee)
        answer = await act(client, mandate, "revocation", pair[side])
        assert answer.json()["status"] == "revoked"
        assert answer.json()["actions"] == []
        again = await act(client, mandate, "revocation", pair[side])
        assert again.status_code == 409
        assert (await recorded(CHANGED))[-1]["data"]["version"] == 3

    async def test_representatives_own_mandate_stands(self, client, pair):
        grantor, _ = pair
        await make_company(client, grantor)
        (standing,) = (await client.get(PATH, headers=as_person(grantor))).json()["data"]
        assert standing["role"] == "legal_representative"
        assert standing["actions"] == []
        answer = await act(client, standing, "revocation", grantor)
        assert answer.json()["type"] == "urn:onenet:problem:statutory-mandate"

    async def test_unknown_mandate_is_not_found(self, client, pair):
        unknown = {"mandate_id": uuid4()}
        assert (await act(client, unknown, "revocation", pair[0])).status_code == 404


class TestLists:
    async def test_each_side_sees_it_with_its_own_actions(self, client, pair):
        grantor, grantee = pair
        mandate = await grant(client, grantor, grantee)
        given = await client.get(PATH, params={"side": "granted"}, headers=as_person(grantor))
        assert given.json()["data"] == [mandate]
        received = await client.get(PATH, params={"side": "received"}, headers=as_person(grantee))
        assert received.json()["data"][0]["actions"] == ["acceptance", "revocation"]
        none = await client.get(PATH, params={"side": "granted"}, headers=as_person(grantee))
        assert none.json()["data"] == []
        assert (await client.get(PATH)).status_code == 401

    async def test_companies_one_may_act_for(self, client, pair, freeze):
        grantor, grantee = pair
        company = await make_company(client, grantor)
        mandate = await grant(client, grantor, grantee, company_id=company["company_id"])
        assert mandate["grantor"] == company["name"]

        async def companies(person):
            answer = await client.get("/api/v1/me/companies", headers=as_person(person))
            return answer.json()["data"]

        assert (await companies(grantor))[0]["role"] == "legal_representative"
        assert await companies(grantee) == []
        await act(client, mandate, "acceptance", grantee)
        (acting,) = await companies(grantee)
        assert (acting["company_id"], acting["role"]) == (company["company_id"], "agent")
        assert acting["powers"] == ["apply", "view"]
        assert acting["uscc"] == company["uscc"]
        await act(client, mandate, "revocation", grantor)
        assert await companies(grantee) == []


async def test_mandate_runs_out_after_its_last_day(client, pair, session, recorded, freeze):
    grantor, grantee = pair
    mandate = await grant(client, grantor, grantee)
    await act(client, mandate, "acceptance", grantee)
    await expire_mandates(session)
    assert (await recorded(CHANGED))[-1]["data"]["status"] == "active"
    with freeze(clock.now() + timedelta(days=32)):
        await expire_mandates(session)
    assert (await recorded(CHANGED))[-1]["data"]["status"] == "expired"
