"""GET and PUT /api/v1/calendar: seeded, versioned, and deadlines follow."""

import chinese_calendar
import pytest
from sqlalchemy import func, select

from case_svc.clocks.models import CalendarDay
from case_svc.clocks.queries import load_calendar
from case_svc.clocks.usecases import seed_calendar

from ..factories import day

PATH = "/api/v1/calendar"


async def put(world, year, body, tag='"0"', role="platform_admin"):
    admin = await world.staff(role, department_code=None)
    headers = admin.headers | ({"If-Match": tag} if tag else {})
    return await world.client.put(f"{PATH}/{year}", json=body, headers=headers)


OFFICIAL_2027 = {
    "source": "国务院办公厅关于2027年部分节假日安排的通知",
    "days": [
        {"date": "2027-01-01", "is_workday": False, "name": "元旦"},
        {"date": "2027-01-02", "is_workday": False, "name": "元旦"},
        {"date": "2027-01-04", "is_workday": False, "name": "元旦"},
        {"date": "2027-01-10", "is_workday": True, "name": "元旦调休"},
    ],
}


async def test_official_year_is_public_and_cacheable(world):
    answer = await world.client.get(PATH, params={"year": 2026})
    content = answer.json()
    assert (content["provisional"], content["version"], content["workdays"]) == (False, 1, 248)
    by_date = {one["date"]: one for one in content["days"]}
    assert len(by_date) == 365
    assert by_date["2026-02-14"]["is_workday"]
    assert not by_date["2026-02-16"]["is_workday"]
    assert by_date["2026-02-16"]["name"] == "春节"
    held = {"If-None-Match": answer.headers["etag"]}
    again = await world.client.get(PATH, params={"year": 2026}, headers=held)
    assert again.status_code == 304


async def test_every_seeded_day_agrees_with_the_library(session):
    calendar = await load_calendar(session)
    assert set(calendar.versions) == set(range(2004, 2027))
    rows = (await session.execute(select(CalendarDay.day, CalendarDay.is_workday))).all()
    assert len(rows) > 8000
    for one, working in rows:
        assert working == chinese_calendar.is_workday(one) == calendar.is_workday(one)


async def test_seeding_again_changes_nothing(session):
    count = select(func.count()).select_from(CalendarDay)
    before = await session.scalar(count)
    await seed_calendar(session)
    assert await session.scalar(count) == before


async def test_year_without_calendar_is_provisional(world):
    content = (await world.client.get(PATH, params={"year": 2027})).json()
    assert (content["provisional"], content["version"], content["source"]) == (True, 0, None)
    assert len(content["days"]) == 365


@pytest.mark.parametrize("year", ["1900", "x", ""])
async def test_malformed_year_is_422(world, year):
    assert (await world.client.get(PATH, params={"year": year})).status_code == 422


async def test_new_version_moves_running_deadlines(world, freeze):
    with freeze(day("2026-12-28")):
        case = await world.submitted()
        before = (await case.citizen.get(f"{case.path}/clock")).json()["clocks"][0]
        assert (before["due_on"], before["provisional"]) == ("2027-01-05", True)
        answer = await put(world, 2027, OFFICIAL_2027)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["version"], answer.json()["provisional"]) == (1, False)
        after = (await case.citizen.get(f"{case.path}/clock")).json()["clocks"][0]
    assert (after["due_on"], after["provisional"]) == ("2027-01-06", False)
    assert after["calendar"] == "2026:1,2027:1"


async def test_second_version_needs_the_first_ones_tag_and_keeps_it(world, session):
    await put(world, 2027, OFFICIAL_2027)
    stale = await put(world, 2027, OFFICIAL_2027)
    second = await put(world, 2027, OFFICIAL_2027 | {"days": []}, tag='"1"')
    assert (stale.status_code, second.status_code) == (412, 200)
    assert second.headers["etag"] == '"2"'
    versions = select(CalendarDay.version).where(CalendarDay.day == day("2027-01-04").date())
    assert sorted(await session.scalars(versions)) == [1, 2]
    calendar = await load_calendar(session)
    assert calendar.is_workday(day("2027-01-04").date())


@pytest.mark.parametrize(
    ("days", "pointer"),
    [
        ([{"date": "2026-01-01", "is_workday": True}], "/days/0/date"),
        ([{"date": "2027-01-05", "is_workday": True}] * 2, "/days/1/date"),
        ([{"date": "soon", "is_workday": True}], "/days/0/date"),
    ],
)
async def test_unsound_calendars_are_422(world, days, pointer):
    answer = await put(world, 2027, {"source": "x", "days": days})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_only_the_platform_changes_it(world):
    assert (await put(world, 2027, OFFICIAL_2027, role="department_admin")).status_code == 403
    assert (await put(world, 2027, OFFICIAL_2027, tag=None)).status_code == 428
    anonymous = await world.client.put(f"{PATH}/2027", json=OFFICIAL_2027)
    assert anonymous.status_code == 401
