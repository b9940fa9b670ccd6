import asyncio

import pytest

from .factories import MARKET, admin, change, citizen, claim, issue, staff, unknown_code, verify

DECIDER = staff(role="decider")


@pytest.fixture
async def row(client, deliver):
    return await issue(deliver, client)


async def test_suspended_resumed_revoked(client, row):
    for action, status in [
        ("suspension", "suspended"),
        ("resumption", "valid"),
        ("revocation", "revoked"),
    ]:
        answer = await change(client, row["code"], action, DECIDER)
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert (await verify(client, row["code"]))["status"] == status


async def test_the_holder_reads_the_reasons(client, row):
    await change(client, row["code"], "suspension", DECIDER, "年审逾期")
    path = f"/api/v1/certificates/{row['code']}"
    answer = await client.get(path, headers=citizen(row["person_id"]))
    (entry,) = answer.json()["history"]
    assert (entry["action"], entry["reason"]) == ("suspension", "年审逾期")
    assert set(entry) == {"action", "reason", "at"}


async def test_the_issuing_decider_reads_what_is_possible(client, row):
    path = f"/api/v1/certificates/{row['code']}"
    seen = (await client.get(path, headers=DECIDER)).json()
    assert seen["actions"] == ["suspension", "revocation"]
    assert (await client.get(path, headers=staff())).json()["actions"] == []


async def test_the_wrong_moment_names_what_is_possible(client, row):
    answer = await change(client, row["code"], "resumption", DECIDER)
    assert answer.status_code == 409
    assert answer.json()["actions"] == ["suspension", "revocation"]
    await change(client, row["code"], "revocation", DECIDER)
    answer = await change(client, row["code"], "suspension", DECIDER)
    assert (answer.status_code, answer.json()["actions"]) == (409, [])


async def test_a_department_admin_may_too(client, row):
    answer = await change(client, row["code"], "suspension", staff(role="department_admin"))
    assert answer.status_code == 200


async def test_nobody_else_may(client, deliver, recorded, row):
    code = row["code"]
    assert (await change(client, code, "revocation", {})).status_code == 401
    assert (await change(client, code, "revocation", citizen(row["person_id"]))).status_code == 403
    assert (await change(client, code, "revocation", staff())).status_code == 403
    assert (await change(client, code, "revocation", admin())).status_code == 403
    stranger = staff(MARKET, "decider")
    assert (await change(client, code, "revocation", stranger)).status_code == 404
    await claim(deliver, recorded, code, row["person_id"], department_code=MARKET)
    assert (await change(client, code, "revocation", stranger)).status_code == 403
    assert (await verify(client, code))["status"] == "valid"


@pytest.mark.parametrize("reason", ["", " ", "\n\t ", "x" * 501, None, 7])
async def test_a_reason_is_needed(client, row, reason):
    answer = await change(client, row["code"], "suspension", DECIDER, reason)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/reason"


async def test_other_members_and_actions_are_refused(client, row):
    path = f"/api/v1/certificates/{row['code']}/suspension"
    body = {"reason": "年审逾期", "until": "2027-01-01"}
    assert (await client.post(path, json=body, headers=DECIDER)).status_code == 422
    assert (await change(client, row["code"], "deletion", DECIDER)).status_code == 422


async def test_an_unknown_certificate_is_not_found(client):
    assert (await change(client, unknown_code(), "suspension", DECIDER)).status_code == 404


async def test_a_stale_tag_is_refused(client, row):
    stale = {"If-Match": '"1"'}
    assert (await change(client, row["code"], "suspension", DECIDER, **stale)).status_code == 200
    answer = await change(client, row["code"], "resumption", DECIDER, **stale)
    assert answer.status_code == 412
    assert (await verify(client, row["code"]))["status"] == "suspended"


async def test_the_same_key_acts_once(client, row):
    key = {"Idempotency-Key": "one"}
    first = await change(client, row["code"], "suspension", DECIDER, **key)
    again = await change(client, row["code"], "suspension", DECIDER, **key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()


async def test_of_two_officers_at_once_one_is_first(
    concurrent_client, concurrent_process, prepared
):
    from chassis.testing.plugin import deliver_to

    async def deliver(event_type, content, *, sealed=None):
        return await deliver_to(
            prepared.service, concurrent_process, event_type, content, sealed=sealed
        )

    row = await issue(deliver, concurrent_client)
    answers = await asyncio.gather(
        *(change(concurrent_client, row["code"], "suspension", DECIDER) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
