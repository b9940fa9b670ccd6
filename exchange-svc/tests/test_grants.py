import asyncio
from datetime import timedelta

import pytest

from chassis import clock
from exchange_svc.grants.errors import IllegalMove
from exchange_svc.grants.rules.lifecycle import Action, State, step

from .factories import (
    CIVIL_AFFAIRS,
    DISABILITY,
    GRANTS,
    MARKET,
    REQUESTS,
    RESOURCES,
    admin,
    approve,
    ask_for,
    citizen,
    department_admin,
    make_grant,
    publish,
    refuse,
    staff,
    system,
    wish,
)

# Written by hand: (state, action) → state under unconditional, under conditional sharing.
EXPECTED = {
    ("submitted", "approval"): ("approved", "provider_reviewing"),
    ("submitted", "refusal"): ("refused", "refused"),
    ("provider_reviewing", "approval"): ("approved", "approved"),
    ("provider_reviewing", "refusal"): ("refused", "refused"),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("unconditional", [True, False])
def test_every_state_and_action(state, action, unconditional):
    after = EXPECTED.get((state.value, action.value))
    if after is not None:
        assert step(state, action, unconditional=unconditional).value == after[not unconditional]
        return
    with pytest.raises(IllegalMove) as refused:
        step(state, action, unconditional=unconditional)
    assert refused.value.extensions() == {"actions": []}


class TestRequest:
    async def test_it_goes_to_the_authority_first(self, client):
        request = await ask_for(client, await publish(client))
        assert request["state"] == "submitted"
        assert request["department_code"] == CIVIL_AFFAIRS
        assert request["provider_code"] == DISABILITY
        assert request["actions"] == ["approval", "refusal"]
        assert request["reply_workdays"] == 1

    async def test_unconditional_sharing_needs_the_authority_only(self, client):
        request = await ask_for(client, await publish(client))
        answer = await approve(client, request, admin())
        assert (answer.json()["state"], answer.json()["reply_workdays"]) == ("approved", None)
        rows = (await client.get(GRANTS, headers=department_admin())).json()["data"]
        assert [row["fields"] for row in rows] == [["status", "category"]]

    async def test_conditional_sharing_needs_the_provider_too(self, client):
        terms = {"share_type": "conditional", "share_condition": "限民政救助"}
        request = await ask_for(client, await publish(client, **terms))
        assert request["reply_workdays"] == 2
        passed = await approve(client, request, admin())
        assert passed.json()["state"] == "provider_reviewing"
        assert passed.json()["reply_workdays"] == 10
        assert (await client.get(GRANTS, headers=admin())).json()["data"] == []
        assert (await approve(client, request, admin())).status_code == 403
        granted = await approve(client, request, department_admin(DISABILITY))
        assert granted.json()["state"] == "approved"
        assert len((await client.get(GRANTS, headers=admin())).json()["data"]) == 1

    async def test_a_refusal_says_why_and_ends_it(self, client):
        request = await ask_for(client, await publish(client))
        answer = await refuse(client, request, admin())
        assert (answer.json()["state"], answer.json()["actions"]) == ("refused", [])
        assert "职责" in answer.json()["reason"]
        again = await approve(client, request, admin())
        assert (again.status_code, again.json()["actions"]) == (409, [])
        assert (await client.get(GRANTS, headers=admin())).json()["data"] == []

    @pytest.mark.parametrize("reason", ["", "  ", None, "x"])
    async def test_a_refusal_without_reason_is_none(self, client, reason):
        request = await ask_for(client, await publish(client))
        assert (await refuse(client, request, admin(), reason)).status_code == 422

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"fields": ["status", "home_address"]}, 422),
            ({"fields": []}, 422),
            ({"quota_per_day": 0}, 422),
            ({"valid_to": str(clock.today() - timedelta(days=1))}, 422),
            ({"valid_from": str(clock.today() + timedelta(days=1))}, 422),
            ({"resource_code": "304001999999"}, 404),
            ({"legal_basis": ""}, 422),
            ({"extra": 1}, 422),
        ],
    )
    async def test_bad_requests_are_refused(self, client, change, status):
        resource = await publish(client)
        body = wish(resource, **change)
        answer = await client.post(REQUESTS, json=body, headers=department_admin())
        assert answer.status_code == status

    async def test_what_is_not_shared_cannot_be_asked_for(self, client):
        resource = await publish(client, share_type="none", legal_basis="档案法")
        body = wish(resource)
        answer = await client.post(REQUESTS, json=body, headers=department_admin())
        assert answer.status_code == 409
        assert "档案法" in answer.json()["detail"]

    async def test_what_is_no_longer_shared_is_not_granted(self, client):
        resource = await publish(client)
        request = await ask_for(client, resource)
        headers = department_admin(DISABILITY) | {"If-Match": "*"}
        await client.patch(
            f"{RESOURCES}/{resource['code']}", json={"status": "revoked"}, headers=headers
        )
        assert (await approve(client, request, admin())).status_code == 409
        answer = await client.post(
            REQUESTS, json=wish(resource), headers=department_admin(DISABILITY)
        )
        assert answer.status_code == 404

    async def test_who_sees_it(self, client):
        await ask_for(client, await publish(client))

        async def seen(headers):
            answer = await client.get(REQUESTS, headers=headers)
            return answer.status_code, len(answer.json().get("data", []))

        for headers in (department_admin(), department_admin(DISABILITY), admin()):
            assert await seen(headers) == (200, 1)
        assert await seen(department_admin(MARKET)) == (200, 0)
        for headers in (staff(), citizen(), system()):
            assert await seen(headers) == (403, 0)

    async def test_who_may_ask_and_answer(self, client):
        resource = await publish(client)
        for headers in (staff(), citizen(), system(), admin(), department_admin(None)):
            answer = await client.post(REQUESTS, json=wish(resource), headers=headers)
            assert answer.status_code == 403
        request = await ask_for(client, resource)
        assert (await approve(client, request, {})).status_code == 401
        assert (await approve(client, request, staff())).status_code == 403
        assert (await approve(client, request, department_admin())).status_code == 403
        assert (await approve(client, request, department_admin(MARKET))).status_code == 404
        stale = admin() | {"If-Match": '"9"'}
        assert (await approve(client, request, stale)).status_code == 412

    async def test_of_two_answers_at_once_one_counts(self, concurrent_client):
        request = await ask_for(concurrent_client, await publish(concurrent_client))
        answers = await asyncio.gather(
            *(approve(concurrent_client, request, admin()) for _ in range(3))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


class TestRevocation:
    async def revoke(self, client, grant, headers, reason="用途已变更"):
        path = f"{GRANTS}/{grant['grant_id']}/revocation"
        return await client.post(path, json={"reason": reason}, headers=headers)

    @pytest.mark.parametrize("headers", [department_admin(DISABILITY), admin()])
    async def test_provider_and_authority_take_it_back_once(self, client, headers):
        grant = await make_grant(client, await publish(client))
        answer = await self.revoke(client, grant, headers)
        assert (answer.json()["status"], answer.json()["reason"]) == ("revoked", "用途已变更")
        assert (await self.revoke(client, grant, headers)).status_code == 409

    async def test_nobody_else_does(self, client):
        grant = await make_grant(client, await publish(client))
        assert (await self.revoke(client, grant, {})).status_code == 401
        assert (await self.revoke(client, grant, department_admin())).status_code == 403
        assert (await self.revoke(client, grant, department_admin(MARKET))).status_code == 404
        assert (await self.revoke(client, grant, staff(DISABILITY))).status_code == 403
        stale = admin() | {"If-Match": '"9"'}
        assert (await self.revoke(client, grant, stale)).status_code == 412
        assert (await self.revoke(client, grant, admin(), "")).status_code == 422
