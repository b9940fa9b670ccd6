"""POST and GET /api/v1/cases/{case_id}/ratings"""

import asyncio

import pytest
from sqlalchemy import func, select

from case_svc.parties.models import Company, Mandate
from case_svc.parties.rules.powers import ALL_POWERS
from case_svc.ratings.models import Rating, Rectification
from case_svc.ratings.policies import rating_actions
from chassis import clock
from chassis.database.sessions import transaction

from ..supervision.factories import make_item
from .factories import DEPARTMENT, REGION, make_case, make_task

GOOD = {"service": "application", "satisfaction": 2, "tags": ["快"], "comment": "很好"}
BAD = {"service": "correction", "satisfaction": 5, "comment": "让我跑了三次，电话13800001234"}


def slug(response):
    return response.json()["type"].removeprefix("urn:onenet:problem:")


def clerk(token, **changes):
    return token(
        "staff", **{"department": DEPARTMENT, "region": REGION, "roles": ["clerk"]} | changes
    )


async def rate(client, who, case, body, **headers):
    return await client.post(
        f"/api/v1/cases/{case.case_id}/ratings", json=body, headers=who | headers
    )


async def test_a_good_rating_is_kept_told_and_opens_nothing(client, session, token, recorded):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    response = await rate(client, token(id=citizen), case, GOOD)
    assert response.status_code == 201, response.text
    body = response.json()
    assert body["satisfaction_text"] == "满意"
    assert (body["comment"], body["tags"], body["rectification"]) == ("很好", ["快"], None)
    (event,) = await recorded("case.rated.v1")
    assert event["data"] == {
        "case_id": str(case.case_id),
        "case_no": case.case_no,
        "version": 3,
        "item_id": str(case.item_id),
        "item_name": case.item_name,
        "department_code": DEPARTMENT,
        "region_code": REGION,
        "person_id": str(citizen),
        "company_id": None,
        "status": "submitted",
        "service": "application",
        "satisfaction": 2,
    }
    assert await session.scalar(select(func.count()).select_from(Rectification)) == 0


async def test_each_service_once(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    who = token(id=citizen)
    for service in ("consultation", "application", "correction", "payment", "delivery"):
        assert (await rate(client, who, case, GOOD | {"service": service})).status_code == 201
    second = await rate(client, who, case, GOOD)
    assert (second.status_code, slug(second)) == (409, "already-rated")
    assert (
        len((await client.get(f"/api/v1/cases/{case.case_id}/ratings", headers=who)).json()["data"])
        == 5
    )


async def test_tags_and_comment_may_be_left_out(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    bare = {"service": "payment", "satisfaction": 3}
    assert (await rate(client, token(id=citizen), case, bare)).json()["comment"] is None
    blank = bare | {"service": "delivery", "comment": None, "tags": []}
    assert (await rate(client, token(id=citizen), case, blank)).status_code == 201


async def test_a_repeat_with_the_same_key_is_the_same_rating(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    key = {"Idempotency-Key": "r1"}
    first = await rate(client, token(id=citizen), case, GOOD, **key)
    again = await rate(client, token(id=citizen), case, GOOD, **key)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_a_draft_is_409(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen, status="draft", case_no=None, submitted_at=None)
    response = await rate(client, token(id=citizen), case, GOOD)
    assert (response.status_code, slug(response)) == (409, "nothing-to-rate")


@pytest.mark.parametrize(
    "change",
    [
        {"satisfaction": 0},
        {"satisfaction": 6},
        {"satisfaction": "5"},
        {"satisfaction": 2.5},
        {"satisfaction": True},
        {"service": "other"},
        {"tags": ["x"] * 11},
        {"tags": [""]},
        {"comment": "x" * 2001},
        {"stars": 5},
    ],
)
async def test_malformed_ratings_are_422(client, session, token, change):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    response = await rate(client, token(id=citizen), case, GOOD | change)
    assert response.status_code == 422
    assert response.json()["errors"]


async def test_who_may_rate(client, session, token):
    case = await make_case(session, clock.new_id())
    assert (await rate(client, {}, case, GOOD)).status_code == 401
    assert (await rate(client, clerk(token), case, GOOD)).status_code == 403
    assert (await rate(client, token("system"), case, GOOD)).status_code == 403
    assert (await rate(client, token(), case, GOOD)).status_code == 404


async def make_agent(session, powers):
    agent, company_id = clock.new_id(), clock.new_id()
    session.add(
        Company(
            company_id=company_id,
            name="某公司",
            uscc="91511602MA00000000",
            legal_person_id=clock.new_id(),
            active=True,
            version=1,
        )
    )
    session.add(
        Mandate(
            mandate_id=clock.new_id(),
            company_id=company_id,
            grantee_person_id=agent,
            powers=powers,
            item_codes=["*"],
            valid_from=clock.today(),
            valid_to=clock.today(),
            status="active",
            version=1,
        )
    )
    await session.flush()
    return agent, company_id


async def test_an_agent_needs_the_power_to_rate(client, session, token):
    agent, company_id = await make_agent(session, ["view", "rate"])
    case = await make_case(session, clock.new_id(), company_id=company_id)
    assert (await rate(client, token(id=agent), case, GOOD)).status_code == 201
    viewer, company_id = await make_agent(session, ["view"])
    case = await make_case(session, clock.new_id(), company_id=company_id)
    response = await rate(client, token(id=viewer), case, GOOD)
    assert (response.status_code, slug(response)) == (403, "not-the-applicant")


async def test_the_comment_stands_encrypted_and_staff_read_it_screened(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    await rate(client, token(id=citizen), case, BAD)
    stored = await session.scalar(select(Rating))
    assert b"13800001234" not in stored.comment
    path = f"/api/v1/cases/{case.case_id}/ratings"
    (own,) = (await client.get(path, headers=token(id=citizen))).json()["data"]
    assert own["comment"] == BAD["comment"]
    assert own["rectification"] == "created"
    staff = await client.get(path, headers=clerk(token))
    assert staff.json()["data"][0]["comment"] == "让我跑了三次，电话***"
    assert str(citizen) not in staff.text


async def test_tags_are_screened_and_who_was_rated_learns_of_no_rectification(
    client, session, token
):
    citizen, rated = clock.new_id(), clock.new_id()
    case = await make_case(session, citizen)
    await make_task(session, case, status="done", done_by=rated, holder_id=rated)
    await rate(client, token(id=citizen), case, BAD | {"tags": ["慢", "13800001234"]})
    path = f"/api/v1/cases/{case.case_id}/ratings"
    (own,) = (await client.get(path, headers=token(id=citizen))).json()["data"]
    (colleague,) = (await client.get(path, headers=clerk(token))).json()["data"]
    (officer,) = (await client.get(path, headers=clerk(token, id=rated))).json()["data"]
    assert own["tags"] == ["慢", "13800001234"]
    assert colleague["tags"] == officer["tags"] == ["慢", "***"]
    assert (own["rectification"], colleague["rectification"]) == ("created", "created")
    assert officer["rectification"] is None


async def test_who_reads_ratings(client, session, token):
    case = await make_case(session, clock.new_id())
    path = f"/api/v1/cases/{case.case_id}/ratings"
    assert (await client.get(path)).status_code == 401
    assert (await client.get(path, headers=token())).status_code == 404
    assert (await client.get(path, headers=clerk(token, department="X"))).status_code == 404
    assert (await client.get(path, headers=clerk(token))).json() == {"data": [], "next": None}


async def test_a_bad_rating_opens_a_rectification_with_its_clock(client, session, token, freeze):
    citizen, officer = clock.new_id(), clock.new_id()
    with freeze(clock.now().replace(year=2026, month=9, day=24, hour=4)):  # the eve of Mid-Autumn
        case = await make_case(session, citizen)
        await make_task(session, case, status="done", done_by=officer, holder_id=officer)
        response = await rate(client, token(id=citizen), case, BAD)
    assert response.json()["rectification"] == "created"
    order = await session.scalar(select(Rectification))
    assert order.evaluated == [officer]
    assert (str(order.contact_due_on), str(order.rectify_due_on)) == ("2026-09-28", "2026-10-09")
    assert "51号" in order.basis


async def test_the_action_stands_until_everything_is_rated(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    draft = await make_case(session, citizen, status="draft", case_no=None)
    assert rating_actions(case, ALL_POWERS) == ["ratings"]
    assert rating_actions(draft, ALL_POWERS) == []
    assert rating_actions(case, ALL_POWERS - {"rate"}) == []
    for service in ("consultation", "application", "correction", "payment", "delivery"):
        await rate(client, token(id=citizen), case, GOOD | {"service": service})
    await session.refresh(case)
    assert rating_actions(case, ALL_POWERS) == []


async def test_two_ratings_at_once_leave_one(concurrent_client, concurrent_process, token):
    citizen = clock.new_id()
    async with transaction(concurrent_process) as opened:
        case = await make_case(opened, citizen)
    answers = await asyncio.gather(
        *(rate(concurrent_client, token(id=citizen), case, GOOD) for _ in range(4))
    )
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]


async def test_the_detail_of_the_case_offers_to_rate(client, session, token):
    citizen = clock.new_id()
    case = await make_case(session, citizen)
    guide = {"form": {"properties": {}}, "steps": [], "materials": [], "questions": []}
    case.item_id, case.item_version = await make_item(session, **guide), 2
    await session.flush()
    path = f"/api/v1/cases/{case.case_id}"
    shown = await client.get(path, headers=token(id=citizen))
    assert shown.status_code == 200, shown.text
    assert "ratings" in shown.json()["actions"]
    before = shown.headers["etag"]
    await rate(client, token(id=citizen), case, GOOD)
    assert (await client.get(path, headers=token(id=citizen))).headers["etag"] != before


async def test_a_stale_tag_is_412_and_keeps_nothing(client, session, token):
    person = clock.new_id()
    case = await make_case(session, person)
    stale = await rate(client, token(id=person), case, GOOD, **{"If-Match": '"999"'})
    assert (stale.status_code, slug(stale)) == (412, "stale")
    present = {"If-Match": f'"{case.version}"'}
    assert (await rate(client, token(id=person), case, GOOD, **present)).status_code == 201
