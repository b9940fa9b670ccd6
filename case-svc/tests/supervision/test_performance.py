"""GET /api/v1/public/performance"""

from datetime import date, timedelta

import chinese_calendar
import pytest

from case_svc.clocks.rules import legal_time as legal_clock
from case_svc.supervision.rules.indicators import INDICATORS
from chassis import clock

from ..ratings.factories import (
    DEPARTMENT,
    REGION,
    day,
    make_case,
    make_clock,
    make_entry,
    make_material,
    make_pause,
)
from .factories import make_item

URL = "/api/v1/public/performance"
# A department of the tests' own, so that what other tests leave does not count.
OURS = {"department": DEPARTMENT, "period": "2026"}


async def numbers(client, **query):
    response = await client.get(URL, params=OURS | query)
    assert response.status_code == 200, response.text
    return {one["code"]: one for one in response.json()["indicators"]}


def parts(found, code):
    return found[code]["numerator"], found[code]["denominator"], found[code]["value"]


async def test_every_indicator_stands_with_its_definition_even_without_rows(client):
    response = await client.get(URL, params={"department": "nobody", "region": "511602"})
    body = response.json()
    assert body["scope"]["region"] == "511602000000"
    assert body["scope"]["department"] == "nobody"
    assert [one["code"] for one in body["indicators"]] == [one.code for one in INDICATORS]
    for one in body["indicators"]:
        assert (one["numerator"], one["denominator"], one["value"]) == (0, 0, None)
        assert one["definition_zh"]
        assert one["definition_en"]
        assert set(one) == {
            "code", "level", "name_zh", "name_en", "numerator", "denominator", "value", "unit",
            "definition_zh", "definition_en", "name", "definition",
        }  # fmt: skip


async def test_name_and_definition_follow_the_language(client):
    for language, text in (("en-GB", "definition_en"), ("zh-CN", "definition_zh")):
        response = await client.get(URL, headers={"Accept-Language": language})
        assert all(one["definition"] == one[text] for one in response.json()["indicators"])
        assert response.headers["vary"] == "Accept-Language"


async def test_the_current_year_is_meant_when_no_period_is_named(client, freeze):
    with freeze(day("2027-03-01")):
        scope = (await client.get(URL)).json()["scope"]
    assert scope == {
        "region": None,
        "department": None,
        "period": {"first": "2027-01-01", "last": "2027-12-31"},
    }


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"period": "2026-13"}, "/query/period"),
        ({"period": "x" * 31}, "/query/period"),
        ({"region": "51"}, "/query/region"),
        ({"region": "' OR 1=1"}, "/query/region"),
        ({"department": "x" * 65}, "/query/department"),
    ],
)
async def test_unreadable_queries_are_422(client, query, pointer):
    response = await client.get(URL, params=query)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


async def test_items(client, session):
    await make_item(session)
    await make_item(
        session,
        project_type="immediate",
        online_depth="III",
        visits=1,
        legal_limit={"value": 7, "unit": "calendar_day"},
        promise={"value": 4, "unit": "hour"},
    )
    await make_item(
        session,
        online_applicable=False,
        online_depth="I",
        visits=2,
        legal_limit={"value": 0, "unit": "working_day"},
        promise={"value": 5, "unit": "working_day"},
    )
    await make_item(session, status="suspended", visits=5)
    found = await numbers(client)
    assert parts(found, "immediate_item_rate") == (1, 3, 0.3333)
    assert parts(found, "online_item_rate") == (2, 3, 0.6667)
    assert parts(found, "fully_online_item_rate") == (1, 3, 0.3333)
    assert parts(found, "average_visits") == (3, 3, 1)
    assert parts(found, "one_visit_item_rate") == (2, 3, 0.6667)
    assert parts(found, "zero_visit_item_rate") == (1, 3, 0.3333)
    # 20 + 7 × 5/7 = 25 working days by law, 10 + 4/8 promised.
    assert parts(found, "promise_compression") == (14.5, 25, 0.58)


@pytest.mark.parametrize(
    ("unit", "value", "days"), [("month", 1, 21.4286), ("minute", 480, 1), ("hour", 16, 2)]
)
async def test_limits_in_other_units(client, session, unit, value, days):
    limit = {"value": value, "unit": unit}
    await make_item(session, legal_limit=limit, promise={"value": 0, "unit": "working_day"})
    assert parts(await numbers(client), "promise_compression") == (days, days, 1)


async def submitted(session, on="2026-03-02", **changes):
    return await make_case(session, clock.new_id(), submitted_at=day(on), **changes)


async def four_submitted(session):
    """One accepted, one corrected and refused, one declined, one returned after two notices."""
    plain = await submitted(session, accepted_at=day("2026-03-03"), outcome="granted")
    corrected = await submitted(session, accepted_at=day("2026-03-04"), outcome="refused")
    declined = await submitted(session, status="archived")
    returned = await submitted(session, status="returned")
    await make_case(session, clock.new_id(), status="draft", submitted_at=None, case_no=None)
    for case in (plain, corrected, declined):
        await make_entry(session, case, 1)
    await make_entry(session, returned, 1, actor_kind="staff")
    await make_entry(session, corrected, 2, action="correction-notice")
    await make_entry(session, returned, 2, action="correction-notice")
    await make_entry(session, returned, 3, action="correction-notice")
    await make_entry(session, declined, 2, action="non-acceptance", to_status="not_accepted")
    await make_entry(session, declined, 3, action="archiving", to_status="archived")
    await make_entry(session, returned, 4, action="overdue-return", to_status="returned")
    return plain


async def test_submitted_cases(client, session):
    await four_submitted(session)
    found = await numbers(client)
    assert parts(found, "acceptance_rate") == (2, 4, 0.5)
    assert parts(found, "non_acceptance_rate") == (1, 4, 0.25)
    assert parts(found, "return_rate") == (1, 4, 0.25)
    assert parts(found, "refusal_rate") == (1, 4, 0.25)
    assert parts(found, "correction_rate") == (2, 4, 0.5)
    assert parts(found, "single_correction_rate") == (1, 2, 0.5)
    assert parts(found, "online_case_rate") == (3, 4, 0.75)


async def test_materials_a_certificate_stood_in_for(client, session):
    case = await submitted(session)
    await make_material(session, case, certificate_code="c1", state="verified")
    await make_material(session, case, material_id="m2")
    await make_material(session, case, material_id="m3", certificate_code="c2", state="failed")
    await make_material(session, case, material_id="m4", replaced_at=clock.now())
    await make_material(session, case, material_id="m5", required=False)
    assert parts(await numbers(client), "no_submission_rate") == (1, 3, 0.3333)


async def test_who_rates_is_counted_once(client, session, token):
    case = await submitted(session)
    await submitted(session)
    for service in ("application", "delivery"):
        await client.post(
            f"/api/v1/cases/{case.case_id}/ratings",
            json={"service": service, "satisfaction": 1},
            headers=token(id=case.person_id),
        )
    assert parts(await numbers(client), "rated_case_rate") == (1, 2, 0.5)


async def test_the_period_is_whole_days_in_shanghai(client, session):
    await submitted(session, "2026-03-31")
    await make_case(session, clock.new_id(), submitted_at=day("2026-03-31", 23))
    await make_case(session, clock.new_id(), submitted_at=day("2026-04-01", 0))
    for period, count in (("2026-03", 2), ("2026-04", 1), ("2026-03-31..2026-04-01", 3)):
        found = await numbers(client, period=period)
        assert found["acceptance_rate"]["denominator"] == count


async def test_scopes(client, session):
    await submitted(session)
    await submitted(session, region_code="511603000000", department_code="Y")
    await make_item(session, region_code="511603000000")
    for query, cases in (
        ({"department": "", "region": "511602"}, 1),
        ({"department": "", "region": "511600000000"}, 2),
        ({"department": "Y"}, 1),
        ({"department": "y"}, 0),
        ({"department": "Y", "region": "511602"}, 0),
        ({"department": "", "region": "510000"}, 2),
        ({"department": "", "region": "440000"}, 0),
    ):
        found = await numbers(client, **query)
        assert found["acceptance_rate"]["denominator"] == cases, query
    assert (await numbers(client, department="", region="511603"))["average_visits"][
        "denominator"
    ] == 1


async def decided(session, accepted, decided_on, promise_on, **changes):
    case = await make_case(
        session,
        clock.new_id(),
        status="finished",
        submitted_at=day(accepted),
        accepted_at=day(accepted),
        decided_at=day(decided_on, 16),
        **changes,
    )
    await make_clock(session, case, "promise", day(accepted), date.fromisoformat(promise_on))
    return case


async def test_decided_cases(client, session):
    await decided(session, "2026-03-02", "2026-03-06", "2026-03-16")  # early
    await decided(session, "2026-03-02", "2026-03-16", "2026-03-16")  # on the day
    await decided(session, "2026-03-02", "2026-03-17", "2026-03-16")  # late
    found = await numbers(client)
    assert parts(found, "on_time_rate") == (2, 3, 0.6667)
    assert parts(found, "early_rate") == (1, 3, 0.3333)
    assert parts(found, "average_working_days") == (4 + 10 + 11, 3, 8.3333)
    assert (await numbers(client, period="2026-02"))["on_time_rate"]["value"] is None


async def test_special_procedures_are_not_counted(client, session):
    # Vector of the law's reading in use: 03-09…03-13 takes out the four days after its first.
    case = await decided(session, "2026-03-02", "2026-03-30", "2026-04-30")
    await make_pause(session, case, day("2026-03-09"), day("2026-03-13"))
    assert parts(await numbers(client), "average_working_days") == (16, 1, 16)


@pytest.mark.parametrize(
    ("accepted", "decided_on"),
    [
        ("2026-02-10", "2026-02-24"),
        ("2026-09-25", "2026-10-29"),
        ("2026-04-30", "2026-05-18"),
        ("2025-12-30", "2026-01-06"),
        ("2026-02-14", "2026-02-14"),
        ("2030-09-29", "2030-10-09"),
    ],
)
async def test_working_days_agree_with_the_clock_and_the_calendar(
    client, session, accepted, decided_on
):
    await decided(session, accepted, decided_on, "2031-01-01")
    start, end = date.fromisoformat(accepted), date.fromisoformat(decided_on)
    days = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    calendar = legal_clock.Calendar(
        {} if end.year > 2026 else {one: chinese_calendar.is_workday(one) for one in days},
        {} if end.year > 2026 else {2025: 1, 2026: 1},
    )
    expected = legal_clock.working_days(calendar, start, end)
    found = await numbers(client, period=str(end.year))
    assert parts(found, "average_working_days")[0] == expected


async def test_legal_overdue(client, session, freeze):
    due = date(2026, 3, 30)

    async def accepted(**changes):
        case = await make_case(
            session,
            clock.new_id(),
            accepted_at=day("2026-03-02"),
            **{"status": "accepted"} | changes,
        )
        await make_clock(session, case, "legal", day("2026-03-02"), due)

    await accepted(decided_at=day("2026-03-30", 23), status="finished")
    await accepted(decided_at=day("2026-03-31", 0), status="finished")
    await accepted(ended_at=day("2026-03-20"), status="withdrawn")
    await accepted()
    await accepted(status="suspended")
    with freeze(day("2026-03-30")):
        assert parts(await numbers(client), "legal_overdue_rate") == (1, 5, 0.2)
    with freeze(day("2026-03-31")):
        assert parts(await numbers(client), "legal_overdue_rate") == (2, 5, 0.4)


ORDERS = "/api/v1/supervision/rectifications"
STAFF = {"department": DEPARTMENT, "region": REGION, "roles": ["clerk"]}


async def rate(client, session, token, *marks):
    for satisfaction in marks:
        case = await make_case(session, clock.new_id())
        await client.post(
            f"/api/v1/cases/{case.case_id}/ratings",
            json={"service": "application", "satisfaction": satisfaction},
            headers=token(id=case.person_id),
        )


async def step(client, token, order, **segments):
    for segment, body in segments.items():
        path = f"{ORDERS}/{order['rectification_id']}/{segment.replace('_', '-')}"
        response = await client.post(path, json=body, headers=token("staff", **STAFF))
        assert response.status_code == 200, response.text


async def test_ratings_move_the_numbers_at_once(client, session, token):
    await rate(client, session, token, 1, 2, 3, 4, 5)
    found = await numbers(client, period="")
    assert parts(found, "good_rating_rate") == (3, 5, 0.6)
    listed = (await client.get(ORDERS, headers=token("staff", **STAFF))).json()["data"]
    mistaken = {"result": "mistaken", "note": "误评"}
    await step(client, token, listed[0], contact={}, verification=mistaken)
    assert parts(await numbers(client, period=""), "good_rating_rate") == (3, 4, 0.75)


async def test_rectifications_count_when_due_or_done(client, session, token, freeze):
    with freeze(day("2026-03-02")):
        await rate(client, session, token, 4, 5, 5)
        assert parts(await numbers(client), "rectification_rate") == (0, 0, None)
        listed = (await client.get(ORDERS, headers=token("staff", **STAFF))).json()["data"]
        mistaken = {"result": "mistaken", "note": "误评"}
        await step(client, token, listed[0], contact={}, verification=mistaken)
        valid = {"result": "valid", "note": "属实"}
        await step(client, token, listed[1], contact={}, verification=valid)
        await step(client, token, listed[1], measures={"measures": "已改"})
        assert parts(await numbers(client), "rectification_rate") == (1, 1, 1)
        await step(client, token, listed[1], call_back={"satisfied": True})
    with freeze(day("2026-03-10")):
        found = await numbers(client)
    assert parts(found, "rectification_rate") == (1, 2, 0.5)
    assert parts(found, "on_time_rectification_rate") == (1, 2, 0.5)
    assert parts(found, "call_back_rate") == (1, 2, 0.5)
    assert parts(found, "call_back_satisfaction_rate") == (1, 1, 1)


async def test_an_unchanged_answer_is_304_and_a_changed_one_is_not(client, session):
    first = await client.get(URL, params=OURS)
    assert first.headers["cache-control"] == "public, max-age=0"
    held = {"If-None-Match": first.headers["etag"]}
    unchanged = await client.get(URL, params=OURS, headers=held)
    assert unchanged.status_code == 304
    assert unchanged.headers["cache-control"] == "public, max-age=0"
    await submitted(session)
    assert (await client.get(URL, params=OURS, headers=held)).status_code == 200
