"""What staff do answers with the state of a thing, and says where that state is read again."""

import pytest

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
    change,
    department_admin,
    entry,
    issue,
    make_grant,
    publish,
    refuse,
    staff,
    wish,
)


async def ensure_read_again(client, answer, headers):
    """The address in the answer shows the very same representation."""
    assert answer.status_code in {200, 201}, answer.text
    again = await client.get(answer.headers["content-location"], headers=headers)
    assert (again.status_code, again.json()) == (200, answer.json())
    assert again.headers["etag"] == answer.headers["etag"]
    return answer.json()


async def test_a_resource(client):
    headers = department_admin(DISABILITY)
    await ensure_read_again(
        client, await client.post(RESOURCES, json=entry(), headers=headers), headers
    )


async def test_a_request_its_answer_and_the_revocation(client):
    headers, resource = department_admin(CIVIL_AFFAIRS), await publish(client)
    answer = await client.post(REQUESTS, json=wish(resource), headers=headers)
    request = await ensure_read_again(client, answer, headers)
    await ensure_read_again(client, await approve(client, request, admin()), admin())
    (grant,) = (await client.get(GRANTS, headers=headers)).json()["data"]
    path = f"{GRANTS}/{grant['grant_id']}/revocation"
    answer = await client.post(path, json={"reason": "用途已变更"}, headers=admin())
    await ensure_read_again(client, answer, admin())


async def test_a_refusal(client):
    request = await ask_for(client, await publish(client))
    await ensure_read_again(client, await refuse(client, request, admin()), admin())


@pytest.mark.parametrize("headers", [department_admin(CIVIL_AFFAIRS), department_admin(DISABILITY)])
async def test_both_departments_read_request_and_grant(client, headers):
    grant = await make_grant(client, await publish(client))
    for path in (f"{GRANTS}/{grant['grant_id']}", f"{REQUESTS}/{grant['request_id']}"):
        assert (await client.get(path, headers=headers)).status_code == 200
        other = await client.get(path, headers=department_admin(MARKET))
        assert other.status_code == 404


async def test_a_change_of_a_certificates_status(client, deliver):
    code, headers = (await issue(deliver, client))["code"], staff(role="decider")
    for action in ("suspension", "resumption", "revocation"):
        await ensure_read_again(client, await change(client, code, action, headers), headers)
