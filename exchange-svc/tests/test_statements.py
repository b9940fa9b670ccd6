"""How many statements queries and certificate reads send, however many rows they find."""

import pytest

from .factories import (
    CARD,
    DISABILITY,
    citizen,
    deliver_case,
    deliver_person,
    footprint,
    grant,
    issue,
    make_grant,
    publish,
    query,
    result,
    staff,
)


def certificates(number):
    return [result(certificate_type=CARD) for _ in range(number)]


@pytest.mark.parametrize("number", [1, 5])
async def test_a_query(client, deliver, statements, number):
    person = await deliver_person(deliver)
    await grant(deliver, person, department_code=DISABILITY, results=certificates(number))
    resource = await publish(client)
    await make_grant(client, resource)
    case = await deliver_case(deliver, person)
    await query(client, resource, case)  # the signing key is loaded once
    statements.clear()
    answer = await query(client, resource, case)
    assert len(answer.json()["records"]) == number
    assert len(statements) <= 9


@pytest.mark.parametrize("number", [1, 5])
async def test_the_holders_list(client, deliver, statements, number):
    person = await deliver_person(deliver)
    await grant(deliver, person, results=certificates(number))
    statements.clear()
    answer = await client.get("/api/v1/me/certificates", headers=citizen(person))
    assert (len(answer.json()["data"]), len(statements)) == (number, 1)


@pytest.mark.parametrize("number", [1, 5])
async def test_footprints(client, deliver, statements, number):
    person = await deliver_person(deliver)
    for _ in range(number):
        await deliver("case.footprint_recorded.v1", footprint(person))
    statements.clear()
    answer = await client.get("/api/v1/me/footprints", headers=citizen(person))
    assert (len(answer.json()["data"]), len(statements)) == (number, 2)


async def test_a_certificate_for_holder_staff_and_public(client, deliver, statements):
    row = await issue(deliver, client)
    path = f"/api/v1/certificates/{row['code']}"
    for headers, count in ((citizen(row["person_id"]), 2), (staff(), 6)):
        statements.clear()
        assert (await client.get(path, headers=headers)).status_code == 200
        assert len(statements) == count
    statements.clear()
    assert (await client.get(row["links"]["verify"])).status_code == 200
    assert len(statements) == 1
