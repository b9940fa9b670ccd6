from uuid import uuid4

import pytest

from chassis.clock import new_id

PATH = "/api/v1/me/messages"
STEPS = [
    "case.submitted.v1",
    "case.accepted.v1",
    "case.correction_requested.v1",
    "case.not_accepted.v1",
    "case.decided.v1",
    "case.finished.v1",
    "case.returned.v1",
]


def step(person_id, **changes):
    return {
        "case_id": str(uuid4()),
        "case_no": "511602-2026-000001",
        "version": 1,
        "item_name": "最低生活保障",
        "person_id": str(person_id),
        "company_id": None,
        "status": "submitted",
        "something_new": True,
    } | changes


@pytest.mark.parametrize("kind", STEPS)
async def test_each_step_of_a_case_leaves_a_message(client, deliver, token, kind):
    person_id = uuid4()
    event = step(person_id, outcome="granted")
    await deliver(kind, event)
    answer = await client.get(PATH, headers=token("citizen", id=person_id))
    (message,) = answer.json()["data"]
    assert message["kind"] == kind
    assert "最低生活保障" in message["text"]
    assert message["read_at"] is None
    assert message["links"]["case"] == f"/api/v1/cases/{event['case_id']}"


async def test_same_event_twice_leaves_one_message(client, deliver, token):
    person_id, event_id = uuid4(), new_id()
    for _ in range(2):
        await deliver("case.accepted.v1", step(person_id), event_id=event_id)
    answer = await client.get(PATH, params={"count": True}, headers=token(id=person_id))
    assert answer.json()["count"] == 1


async def test_messages_speak_the_readers_language(client, deliver, token):
    person_id = uuid4()
    await deliver("case.decided.v1", step(person_id, outcome="refused"))
    headers = token(id=person_id) | {"Accept-Language": "en"}
    (message,) = (await client.get(PATH, headers=headers)).json()["data"]
    assert message["title"] == "Decided"
    assert "refused" in message["text"]


async def test_reading_keeps_the_first_time(client, deliver, token):
    person_id = uuid4()
    headers = token(id=person_id)
    await deliver("case.accepted.v1", step(person_id))
    (message,) = (await client.get(PATH, params={"unread": True}, headers=headers)).json()["data"]
    first = await client.post(message["links"]["reading"], headers=headers)
    again = await client.post(message["links"]["reading"], headers=headers)
    assert first.json()["read_at"] == again.json()["read_at"] is not None
    unread = await client.get(PATH, params={"unread": True}, headers=headers)
    assert unread.json()["data"] == []
    read = await client.get(PATH, params={"unread": False}, headers=headers)
    assert len(read.json()["data"]) == 1


async def test_messages_are_the_holders_alone(client, deliver, token):
    person_id = uuid4()
    await deliver("case.accepted.v1", step(person_id))
    listed = await client.get(PATH, headers=token(id=person_id))
    path = listed.json()["data"][0]["links"]["reading"]
    assert (await client.post(path, headers=token(id=uuid4()))).status_code == 404
    assert (await client.post(path)).status_code == 401
    assert (await client.get(PATH)).status_code == 401
    assert (await client.get(PATH, headers=token("staff"))).status_code == 403
    malformed = await client.post(f"{PATH}/x/reading", headers=token())
    assert malformed.status_code == 422
