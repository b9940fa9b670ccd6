"""/api/v1/supervision/rectifications"""

import pytest
from sqlalchemy import select

from case_svc.ratings.models import Rating
from chassis import clock

from .factories import DEPARTMENT, REGION, make_case, make_task
from .test_rating import BAD, clerk, rate, slug

BASE = "/api/v1/supervision/rectifications"
STEPS = {
    "contact": {"note": "已电话联系"},
    "verification": {"result": "valid", "note": "属实"},
    "measures": {"measures": "改进一次性告知"},
    "call-back": {"satisfied": True, "note": "满意"},
    "closing": {},
}


async def opened(client, session, token, **changes):
    """A rectification, seen by a colleague of the officer it is about."""
    citizen = clock.new_id()
    case = await make_case(session, citizen, **changes)
    assert (await rate(client, token(id=citizen), case, BAD)).status_code == 201
    (found,) = (await client.get(BASE, headers=clerk(token))).json()["data"]
    return found


async def take(client, who, order, segment, body=None, **headers):
    return await client.post(
        f"{BASE}/{order['rectification_id']}/{segment}",
        json=STEPS[segment] if body is None else body,
        headers=who | headers,
    )


async def test_the_whole_way(client, session, token):
    order = await opened(client, session, token)
    assert order["comment"] == "让我跑了三次，电话***"
    assert order["actions"] == ["contact"]
    assert order["links"] == {"contact": f"{BASE}/{order['rectification_id']}/contact"}
    who = clerk(token)
    states = []
    for segment in STEPS:
        response = await take(client, who, order, segment)
        assert response.status_code == 200, response.text
        shown = await client.get(response.headers["content-location"], headers=who)
        assert (shown.json(), shown.headers["etag"]) == (response.json(), response.headers["etag"])
        states.append(response.json()["state"])
    assert states == ["contacted", "verified", "rectified", "called_back", "closed"]
    done = response.json()
    assert [one["action"] for one in done["steps"]] == [
        "contact", "verification:valid", "measures", "call-back:satisfied", "closing",
    ]  # fmt: skip
    assert done["steps"][0]["note"] == "已电话联系"
    assert (done["actions"], done["links"], done["satisfied"]) == ([], {}, True)
    assert done["closed_at"]
    assert done["call_back_due_on"] >= done["opened_at"][:10]


async def test_who_is_not_satisfied_is_heard_again(client, session, token):
    order = await opened(client, session, token)
    who = clerk(token)
    for segment in ("contact", "verification", "measures"):
        await take(client, who, order, segment)
    back = await take(client, who, order, "call-back", {"satisfied": False, "note": "仍未解决"})
    assert (back.json()["state"], back.json()["actions"]) == ("verified", ["measures"])
    assert back.json()["call_back_due_on"] is None


@pytest.mark.parametrize("result", ["invalid", "mistaken"])
async def test_what_is_not_valid_leaves_the_numbers(client, session, token, result):
    order = await opened(client, session, token)
    who = clerk(token)
    await take(client, who, order, "contact")
    answer = await take(client, who, order, "verification", {"result": result, "note": "误评"})
    assert (answer.json()["state"], answer.json()["verification"]) == ("excluded", result)
    assert (await session.scalar(select(Rating.is_valid))) is False
    assert (await take(client, who, order, "closing")).json()["state"] == "closed"


async def test_the_wrong_moment_names_what_is_possible(client, session, token):
    order = await opened(client, session, token)
    response = await take(client, clerk(token), order, "closing")
    assert (response.status_code, slug(response)) == (409, "illegal-rectification-step")
    assert response.json()["actions"] == ["contact"]


@pytest.mark.parametrize(
    ("segment", "body"),
    [
        ("verification", {"result": "valid"}),
        ("verification", {"result": "valid", "note": "  "}),
        ("verification", {"result": "true", "note": "x"}),
        ("measures", {"measures": ""}),
        ("call-back", {"satisfied": "yes"}),
        ("contact", {"note": "x", "more": 1}),
        ("closing", {"note": "x" * 2001}),
    ],
)
async def test_malformed_steps_are_422(client, session, token, segment, body):
    order = await opened(client, session, token)
    assert (await take(client, clerk(token), order, segment, body)).status_code == 422


async def test_a_stale_version_is_412(client, session, token):
    order = await opened(client, session, token)
    who = clerk(token)
    first = await take(client, who, order, "contact", **{"If-Match": '"1"'})
    assert first.headers["etag"] == '"2"'
    stale = await take(client, who, order, "verification", **{"If-Match": '"1"'})
    assert stale.status_code == 412


async def test_the_evaluated_officer_never_sees_it(client, session, token):
    officer, citizen = clock.new_id(), clock.new_id()
    case = await make_case(session, citizen, accepted_by=officer)
    await make_task(session, case, status="held", holder_id=officer)
    await rate(client, token(id=citizen), case, BAD)
    rated = clerk(token, id=officer)
    assert (await client.get(BASE, headers=rated)).json()["data"] == []
    (order,) = (await client.get(BASE, headers=clerk(token))).json()["data"]
    assert (await take(client, rated, order, "contact")).status_code == 404
    assert (await take(client, clerk(token), order, "contact")).status_code == 200


async def test_only_the_department_in_its_region_and_the_platform_see_it(client, session, token):
    order = await opened(client, session, token)
    for changes, status in (
        ({"department": "X"}, 404),
        ({"region": "511603000000"}, 404),
        ({"region": None}, 404),
        ({"department": None}, 404),
        ({"region": "511600000000"}, 200),
    ):
        who = clerk(token, **changes)
        listed = (await client.get(BASE, headers=who)).json()["data"]
        assert len(listed) == (1 if status == 200 else 0), changes
        assert (await take(client, who, order, "contact")).status_code == status
    admin = clerk(token, department="X", region="510000000000", roles=["platform_admin"])
    assert len((await client.get(BASE, headers=admin)).json()["data"]) == 1


@pytest.mark.parametrize("segment", STEPS)
async def test_every_step_is_for_staff(client, session, token, segment):
    order = {"rectification_id": clock.new_id()}
    assert (await take(client, {}, order, segment)).status_code == 401
    assert (await take(client, token(), order, segment)).status_code == 403
    assert (await take(client, token("system"), order, segment)).status_code == 403
    unknown = await take(client, clerk(token), order, segment)
    assert (unknown.status_code, slug(unknown)) == (404, "rectification-not-found")


async def test_the_list_is_for_staff_filters_and_pages(client, session, token):
    assert (await client.get(BASE)).status_code == 401
    assert (await client.get(BASE, headers=token())).status_code == 403
    for _ in range(3):
        citizen = clock.new_id()
        case = await make_case(session, citizen)
        await rate(client, token(id=citizen), case, BAD)
    who = clerk(token)
    first = (await client.get(BASE, params={"limit": 2, "count": True}, headers=who)).json()
    assert (len(first["data"]), first["count"]) == (2, 3)
    rest = (await client.get(BASE, params={"after": first["next"]}, headers=who)).json()
    assert (len(rest["data"]), rest["next"]) == (1, None)
    await take(client, who, rest["data"][0], "contact")
    contacted = await client.get(BASE, params={"state": "contacted"}, headers=who)
    assert len(contacted.json()["data"]) == 1
    assert (await client.get(BASE, params={"state": "x"}, headers=who)).status_code == 422
    assert {one["department_code"] for one in first["data"]} == {DEPARTMENT}
    assert {one["region_code"] for one in first["data"]} == {REGION}
