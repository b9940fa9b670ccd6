import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from chassis import clock
from chassis.signing import public_keys
from chassis.testing.plugin import deliver_to
from exchange_svc.calls.rules.questions import seconds_to_midnight, select_fields

from .factories import (
    DISABILITY,
    GRANTS,
    MARKET,
    RESOURCES,
    admin,
    citizen,
    deliver_case,
    deliver_company,
    deliver_person,
    department_admin,
    footprints,
    grant,
    make_grant,
    publish,
    query,
    staff,
    system,
    unknown_code,
)


class World:
    """A person with a card, a resource over such cards, a grant, and a live case."""


async def make_world(client, deliver, **changes):
    world = World()
    world.person = await deliver_person(deliver)
    await grant(deliver, world.person, department_code=DISABILITY)
    world.resource = await publish(client)
    world.grant = await make_grant(client, world.resource, **changes)
    world.case = await deliver_case(deliver, world.person)
    return world


@pytest.fixture
async def world(client, deliver):
    return await make_world(client, deliver)


async def ledger_entries(client):
    answer = await client.get("/api/v1/exchange/ledger/check", headers=admin())
    assert answer.json()["is_whole"]
    return answer.json()["entries"]


async def refused(client, world, status, slug, headers=None, **changes):
    """Refused, and on record."""
    before = await ledger_entries(client)
    answer = await query(client, world.resource, world.case, headers, **changes)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"urn:onenet:problem:{slug}"
    assert await ledger_entries(client) == before + 1
    return answer


class TestAnswer:
    async def test_granted_fields_and_no_others(self, client, world):
        answer = await query(client, world.resource, world.case)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["records"] == [{"status": "valid", "category": "肢体"}]
        assert body["quota"] == {"limit": 3, "remaining": 2}

    async def test_the_answer_is_signed(self, client, world, session):
        body = (await query(client, world.resource, world.case)).json()
        keys = {key["kid"]: ECKey.import_key(key) for key in await public_keys(session)}
        signed = jws.deserialize_compact(
            body["signature"], lambda part: keys[part.headers()["kid"]], algorithms=["ES256"]
        )
        content = json.loads(signed.payload)
        assert content["records"] == body["records"]
        assert content["jti"] == body["call_id"]
        assert content["case_no"] == world.case["case_no"]
        assert signed.headers()["typ"] == "onenet-answer+jwt"

    async def test_the_person_sees_it_in_the_footprints(self, client, world):
        body = (await query(client, world.resource, world.case)).json()
        (access,) = (await footprints(client, world.person))["data"]
        assert access["footprint_id"] == body["call_id"]
        assert access["fields"] == ["status", "category"]
        assert access["ground"] == "核定补贴资格"
        assert access["case_no"] == world.case["case_no"]
        assert await ledger_entries(client) == 1

    async def test_a_subject_without_a_certificate_has_no_record(self, client, deliver, world):
        other = await deliver_person(deliver, number="511602199002021230")
        case = await deliver_case(deliver, other)
        answer = await query(client, world.resource, case, id_number="511602199002021230")
        assert answer.json()["records"] == []

    async def test_another_departments_certificates_are_not_in_it(self, client, deliver, world):
        await grant(deliver, world.person)
        answer = await query(client, world.resource, world.case)
        assert len(answer.json()["records"]) == 1

    async def test_a_certificate_can_name_the_subject(self, client, world):
        listed = await client.get("/api/v1/me/certificates", headers=citizen(world.person))
        code = listed.json()["data"][0]["code"]
        subject = {"id_number": None, "certificate_code": code}
        answer = await query(client, world.resource, world.case, **subject)
        assert len(answer.json()["records"]) == 1
        subject["certificate_code"] = unknown_code()
        answer = await query(client, world.resource, world.case, **subject)
        assert answer.json()["records"] == []

    async def test_a_company_is_named_by_its_credit_code(self, client, deliver, world):
        company = await deliver_company(deliver, world.person)
        await grant(deliver, world.person, company, department_code=DISABILITY)
        case = await deliver_case(deliver, world.person, company)
        subject = {"id_number": None, "uscc": "91511602MA0TE5T16C"}
        answer = await query(client, world.resource, case, **subject)
        assert len(answer.json()["records"]) == 1
        assert (await footprints(client, world.person))["data"] == []
        subject["uscc"] = "91511602MA0TE5T16X"
        assert (await query(client, world.resource, case, **subject)).status_code == 403

    async def test_the_same_key_is_answered_once(self, client, world):
        headers = system(), {"Idempotency-Key": "one"}
        both = headers[0] | headers[1]
        first = await query(client, world.resource, world.case, both)
        again = await query(client, world.resource, world.case, both)
        assert first.json() == again.json()
        assert await ledger_entries(client) == 1


class TestRefusal:
    async def test_without_a_grant(self, client, world):
        await refused(client, world, 403, "no-grant", system(MARKET))

    async def test_after_the_grant_has_ended(self, client, world, freeze):
        with freeze(clock.now() + timedelta(days=1)):
            await refused(client, world, 403, "no-grant")

    async def test_after_the_grant_was_taken_back(self, client, world):
        path = f"{GRANTS}/{world.grant['grant_id']}/revocation"
        await client.post(path, json={"reason": "用途已变更"}, headers=admin())
        await refused(client, world, 403, "no-grant")

    async def test_after_sharing_has_ended(self, client, world):
        headers = department_admin(DISABILITY) | {"If-Match": "*"}
        change = {"share_type": "none", "legal_basis": "档案法"}
        path = f"{RESOURCES}/{world.resource['code']}"
        await client.patch(path, json=change, headers=headers)
        await refused(client, world, 403, "no-grant")
        await client.patch(path, json={"status": "revoked"}, headers=headers)
        assert (await query(client, world.resource, world.case)).status_code == 404

    async def test_for_fields_that_are_not_granted(self, client, world):
        answer = await refused(
            client, world, 403, "fields-not-granted", fields=["status", "holder_name"]
        )
        assert "holder_name" in answer.json()["detail"]

    async def test_for_a_case_of_another_department(self, client, deliver, world):
        world.case = await deliver_case(deliver, world.person, department_code=MARKET)
        await refused(client, world, 403, "no-subject-link")

    async def test_for_a_case_that_is_over(self, client, deliver, world):
        over = world.case | {"status": "withdrawn", "version": 2}
        await deliver("case.withdrawn.v1", over)
        await refused(client, world, 403, "no-subject-link")
        await deliver("case.accepted.v1", world.case | {"status": "accepted", "version": 1})
        await refused(client, world, 403, "no-subject-link")

    @pytest.mark.parametrize(
        "change",
        [
            {"case_no": "nothing"},
            {"id_number": "511602199001011235"},
            {"id_number": None, "uscc": "91511602MA0TE5T16C"},
        ],
    )
    async def test_for_another_subject(self, client, world, change):
        await refused(client, world, 403, "no-subject-link", **change)
        assert (await footprints(client, world.person))["data"] == []

    async def test_for_a_person_whose_copy_is_not_there(self, client, deliver, world):
        world.case = await deliver_case(deliver, clock.new_id())
        await refused(client, world, 403, "no-subject-link")

    async def test_beyond_the_quota_until_tomorrow(self, client, world):
        for remaining in (2, 1, 0):
            answer = await query(client, world.resource, world.case)
            assert answer.json()["quota"]["remaining"] == remaining
        answer = await refused(client, world, 429, "quota-exceeded")
        assert 1 <= int(answer.headers["retry-after"]) <= 86_400

    @pytest.mark.parametrize(
        "change",
        [
            {"uscc": "91511602MA0TE5T16C"},
            {"id_number": None},
            {"purpose": " "},
            {"fields": []},
            {"extra": 1},
        ],
    )
    async def test_malformed_questions(self, client, world, change):
        assert (await query(client, world.resource, world.case, **change)).status_code == 422

    async def test_only_systems_ask(self, client, world):
        path = f"{RESOURCES}/{world.resource['code']}/query"
        assert (await client.post(path, json={})).status_code == 401
        for headers in (citizen(), staff(), department_admin(), admin()):
            assert (await query(client, world.resource, world.case, headers)).status_code == 403

    async def test_an_unknown_resource(self, client, world):
        unknown = {"code": "304001999999"}
        assert (await query(client, unknown, world.case)).status_code == 404


async def test_parallel_questions_never_exceed_the_quota(
    concurrent_client, concurrent_process, prepared
):
    async def deliver(event_type, content, *, sealed=None):
        service = prepared.service
        return await deliver_to(service, concurrent_process, event_type, content, sealed=sealed)

    world = await make_world(concurrent_client, deliver)
    answers = await asyncio.gather(
        *(query(concurrent_client, world.resource, world.case) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429, 429, 429]
    assert await ledger_entries(concurrent_client) == 6


def test_only_what_was_asked_for():
    assert select_fields(("a", "c"), {"a": 1, "b": 2}) == {"a": 1}


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (datetime(2026, 11, 23, 15, 59, 59, tzinfo=UTC), 1),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), 86_400),
        (datetime(2026, 11, 23, 15, 59, 59, 999_999, tzinfo=UTC), 1),
    ],
)
def test_a_quota_begins_anew_at_midnight_in_shanghai(moment, seconds):
    assert seconds_to_midnight(moment, clock.SHANGHAI) == seconds
