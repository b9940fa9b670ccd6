"""/api/v1/supervision/warnings and /rules, and the loop that writes warnings."""

from datetime import date

import pytest
from sqlalchemy import select

from case_svc.supervision.models import SupervisionWarning
from case_svc.supervision.usecases import write_warnings
from chassis import clock

from ..ratings.factories import DEPARTMENT, REGION, day, make_case, make_clock, make_task

URL = "/api/v1/supervision/warnings"


def staff(token, **changes):
    return token(
        "staff", **{"department": DEPARTMENT, "region": REGION, "roles": ["clerk"]} | changes
    )


async def running(session, kind="promise", due="2026-03-16", **changes):
    """A case accepted on Monday 2026-03-02 with ten working days."""
    case = await make_case(
        session,
        clock.new_id(),
        **{"status": "accepted", "accepted_at": day("2026-03-02")} | changes,
    )
    await make_clock(session, case, kind, day("2026-03-02"), date.fromisoformat(due))
    return case


async def written(session):
    found = await session.scalars(
        select(SupervisionWarning).order_by(SupervisionWarning.warning_id)
    )
    return [(one.rule, one.level) for one in found]


async def turn(session, freeze, *days):
    for text in days:
        with freeze(day(text)):
            await write_warnings(session)


async def test_a_clock_is_reminded_warned_and_carded_once_each(session, freeze):
    await running(session)
    await turn(session, freeze, "2026-03-04", "2026-03-06")
    assert await written(session) == []
    await turn(session, freeze, "2026-03-09", "2026-03-10", "2026-03-13", "2026-03-16")
    assert await written(session) == [("T02", "remind"), ("T02", "yellow_warning")]
    await turn(session, freeze, "2026-03-17", "2026-03-17", "2026-03-18", "2026-03-19")
    assert (await written(session))[2:] == [("T02", "yellow_card"), ("T02", "red_card")]


@pytest.mark.parametrize(
    ("kind", "rule"), [("notify", "T01"), ("legal", "T03"), ("delivery", "T04")]
)
async def test_past_the_date_of_the_law_the_card_is_red(session, freeze, kind, rule):
    await running(session, kind)
    await turn(session, freeze, "2026-03-17")
    assert await written(session) == [(rule, "red_card")]


async def test_what_does_not_run_earns_nothing(session, freeze):
    for status in ("finished", "withdrawn", "suspended", "archived"):
        await running(session, status=status)
    case = await make_case(session, clock.new_id(), status="accepted")
    stopped = day("2026-03-05")
    await make_clock(
        session, case, "legal", day("2026-03-02"), date(2026, 3, 16), stopped_at=stopped
    )
    await make_clock(session, case, "correction", day("2026-03-02"), date(2026, 3, 16))
    await turn(session, freeze, "2026-04-20")
    assert await written(session) == []


async def test_a_limit_in_hours_is_over_within_its_day(session, freeze):
    case = await make_case(session, clock.new_id(), status="accepted")
    await make_clock(
        session, case, "legal", day("2026-03-02", 9), date(2026, 3, 2), due_at=day("2026-03-02", 11)
    )
    await turn(session, freeze, "2026-03-02")
    with freeze(day("2026-03-02", 12)):
        await write_warnings(session)
    assert await written(session) == [("T03", "yellow_warning"), ("T03", "red_card")]


async def test_steps_have_their_limit_too(session, freeze):
    case = await make_case(session, clock.new_id(), status="in_review")
    await make_task(
        session,
        case,
        opened_at=day("2026-03-02"),
        due_on=date(2026, 3, 4),
        due_at=day("2026-03-05", 0),
    )
    await turn(session, freeze, "2026-03-05", "2026-03-09", "2026-03-09")
    assert await written(session) == [("T05", "yellow_card"), ("T05", "red_card")]


async def test_who_accepts_and_decides_alone_or_gives_no_reason_is_carded_once(session, freeze):
    officer = clock.new_id()
    common = {"status": "finished", "decided_at": clock.now()}
    same = common | {"accepted_by": officer, "decided_by": officer}
    await make_case(session, clock.new_id(), **same, outcome="granted")
    await make_case(session, clock.new_id(), **same, outcome="granted", project_type="immediate")
    refused = common | {"outcome": "refused"}
    await make_case(session, clock.new_id(), **refused, decision={"reason": " "})
    await make_case(session, clock.new_id(), **refused, decision={"reason": "收入超标"})
    await turn(session, freeze, "2026-03-05", "2026-03-06")
    assert sorted(await written(session)) == [("C01", "yellow_card"), ("P02", "yellow_card")]


async def test_a_bad_rating_left_alone_is_carded(client, session, token, freeze):
    citizen = clock.new_id()
    base = "/api/v1/supervision/rectifications"
    with freeze(day("2026-03-02")):
        case = await make_case(session, citizen)
        rating = {"service": "application", "satisfaction": 5}
        path = f"/api/v1/cases/{case.case_id}/ratings"
        await client.post(path, json=rating, headers=token(id=citizen))
    await turn(session, freeze, "2026-03-04")
    assert await written(session) == [("E01", "yellow_card")]
    (order,) = (await client.get(base, headers=staff(token))).json()["data"]
    path = f"{base}/{order['rectification_id']}/contact"
    assert (await client.post(path, json={}, headers=staff(token))).status_code == 200
    await turn(session, freeze, "2026-03-09", "2026-03-10")
    assert (await written(session))[1:] == [("E01", "yellow_warning"), ("E01", "yellow_card")]


async def test_the_department_reads_and_answers(client, session, token, freeze):
    await running(session)
    await turn(session, freeze, "2026-03-17")
    (card,) = (await client.get(URL, headers=staff(token))).json()["data"]
    assert (card["rule"], card["level"], card["light"]) == ("T02", "yellow_card", "yellow")
    assert (card["due_on"], card["actions"]) == ("2026-03-16", ["answer"])
    answer = await client.post(
        card["links"]["answer"], json={"explanation": "材料核验延迟"}, headers=staff(token)
    )
    assert (answer.status_code, answer.json()["answer"]) == (200, "材料核验延迟")
    assert (answer.json()["actions"], answer.json()["links"]) == ([], {})
    again = await client.post(
        card["links"]["answer"], json={"explanation": "x"}, headers=staff(token)
    )
    assert again.status_code == 409
    # Explained in time, it stays yellow.
    await turn(session, freeze, "2026-03-25")
    assert await written(session) == [("T02", "yellow_card")]


async def test_who_sees_warnings(client, session, token, freeze):
    await running(session)
    await turn(session, freeze, "2026-03-17")
    assert (await client.get(URL)).status_code == 401
    assert (await client.get(URL, headers=token())).status_code == 403
    assert (await client.get(URL, headers=token("system"))).status_code == 403
    warning_id = await session.scalar(select(SupervisionWarning.warning_id))
    path = f"{URL}/{warning_id}/answer"
    for changes, seen in (
        ({"department": "X"}, False),
        ({"region": "511603000000"}, False),
        ({"region": None}, False),
        ({"department": "X", "roles": ["department_admin"]}, False),
        ({"region": "511600000000"}, True),
        ({"department": "X", "roles": ["platform_admin"]}, True),
    ):
        who = staff(token, **changes)
        listed = (await client.get(URL, headers=who)).json()["data"]
        assert len(listed) == int(seen), changes
        shown = await client.get(f"{URL}/{warning_id}", headers=who)
        assert (shown.status_code, shown.json() if seen else None) == (
            (200, listed[0]) if seen else (404, None)
        )
        if not seen:
            answer = await client.post(path, json={"explanation": "x"}, headers=who)
            assert answer.status_code == 404
    assert (await client.post(path, json={"explanation": "x"})).status_code == 401
    assert (await client.post(path, json={"explanation": "x"}, headers=token())).status_code == 403
    blank = await client.post(path, json={"explanation": " "}, headers=staff(token))
    assert blank.status_code == 422


async def test_the_list_filters_and_pages(client, session, token, freeze):
    for kind in ("promise", "legal", "notify"):
        await running(session, kind)
    await turn(session, freeze, "2026-03-17")
    who = staff(token)

    async def listed(**query):
        return (await client.get(URL, params=query, headers=who)).json()

    assert len((await listed(level="red_card"))["data"]) == 2
    assert len((await listed(rule="T02"))["data"]) == 1
    first = await listed(limit=2)
    assert len((await listed(after=first["next"]))["data"]) == 1
    assert (await client.get(URL, params={"level": "pink"}, headers=who)).status_code == 422


async def test_the_rules_are_public(client):
    response = await client.get("/api/v1/supervision/rules")
    assert response.status_code == 200
    found = {one["rule"]: one for one in response.json()["data"]}
    assert found["T03"]["thresholds"] == {
        "remind": "剩余时间不足 50%",
        "yellow_warning": "剩余不超过 1 个工作日",
        "red_card": "超过到期日",
    }
    assert found["T02"]["thresholds"]["red_card"] == "超过到期日逾 2 个工作日且未作说明"
    assert found["P02"]["thresholds"] == {"yellow_card": "发现即记"}
    assert all(one["basis"] for one in found.values())
    held = {"If-None-Match": response.headers["etag"]}
    assert (await client.get("/api/v1/supervision/rules", headers=held)).status_code == 304
