from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from chassis import clock
from chassis.database.upsert import upsert_newer
from exchange_svc.calls.models import CaseLink, LedgerEntry

from .factories import (
    CIVIL_AFFAIRS,
    admin,
    citizen,
    deliver_department,
    footprint,
    footprints,
    staff,
)

RECORDED = "case.footprint_recorded.v1"
CHECK = "/api/v1/exchange/ledger/check"


async def check(client, **query):
    answer = await client.get(CHECK, params=query, headers=admin())
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("versions", [(1, 2, 3), (3, 2, 1), (2, 3, 3, 1)])
async def test_of_states_in_one_batch_the_newest_is_kept(session, versions):
    cases = [clock.new_id(), clock.new_id()]
    ends = {"case_no": "1", "department_code": "2", "person_id": clock.new_id(), "company_id": None}
    event = [
        {"case_id": case, "status": f"step {version}", "version": version} | ends
        for version in versions
        for case in cases
    ]
    for some in (event, event[:2]):
        await upsert_newer(session, CaseLink, some)
    kept = (await session.scalars(select(CaseLink).where(CaseLink.case_id.in_(cases)))).all()
    assert [(case.status, case.version) for case in kept] == [("step 3", 3)] * 2


class TestFootprints:
    async def test_an_access_elsewhere_is_listed(self, client, deliver):
        person = clock.new_id()
        event = footprint(person)
        await deliver(RECORDED, event)
        (access,) = (await footprints(client, person))["data"]
        assert access == {
            "footprint_id": str(event["footprint_id"]),
            "department": {"code": CIVIL_AFFAIRS, "name": "区民政局"},
            "post": "审查岗",
            "at": event["at"].isoformat().replace("+00:00", "Z"),
            "fields": ["form/name", "form/id_number"],
            "case_id": str(event["case_id"]),
            "case_no": event["case_no"],
            "ground": "办理申请",
        }

    async def test_the_officer_is_never_shown(self, client, deliver):
        person = clock.new_id()
        event = footprint(person)
        await deliver(RECORDED, event)
        assert str(event["actor_id"]) not in str(await footprints(client, person))

    async def test_an_access_delivered_twice_is_listed_once(self, client, deliver):
        event = footprint(clock.new_id())
        await deliver(RECORDED, event)
        await deliver(RECORDED, event)
        assert len((await footprints(client, event["person_id"]))["data"]) == 1
        assert (await check(client))["entries"] == 1

    async def test_the_department_is_named_from_the_copy(self, client, deliver):
        await deliver_department(deliver, name="广安区民政局")
        person = clock.new_id()
        await deliver(RECORDED, footprint(person, department_name=None))
        (access,) = (await footprints(client, person))["data"]
        assert access["department"]["name"] == "广安区民政局"

    async def test_an_access_without_a_department_has_none(self, client, deliver):
        person = clock.new_id()
        await deliver(RECORDED, footprint(person, department_code=None, department_name=None))
        assert (await footprints(client, person))["data"][0]["department"] is None

    async def test_newest_first_in_pages(self, client, deliver):
        person, start = clock.new_id(), datetime(2026, 11, 23, 1, tzinfo=UTC)
        for minute in (2, 0, 1):
            await deliver(RECORDED, footprint(person, at=start + timedelta(minutes=minute)))
        first = await footprints(client, person, limit=2)
        second = await footprints(client, person, limit=2, after=first["next"])
        moments = [access["at"] for access in first["data"] + second["data"]]
        assert moments == sorted(moments, reverse=True)
        assert (len(moments), second["next"]) == (3, None)

    async def test_only_ones_own(self, client, deliver):
        await deliver(RECORDED, footprint(clock.new_id()))
        assert (await footprints(client, clock.new_id()))["data"] == []

    async def test_who_may_ask(self, client):
        path = "/api/v1/me/footprints"
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=staff())).status_code == 403


class TestLedger:
    @pytest.fixture
    async def three(self, deliver):
        for _ in range(3):
            await deliver(RECORDED, footprint(clock.new_id()))

    async def test_an_empty_ledger_is_whole(self, client):
        assert await check(client) == {
            "after": 0,
            "entries": 0,
            "is_whole": True,
            "first_break": None,
            "head": "0" * 64,
            "next": None,
        }

    async def test_it_is_checked_in_stretches(self, client, three):
        first = await check(client, limit=2)
        assert (first["entries"], first["is_whole"], first["next"]) == (2, True, 2)
        rest = await check(client, limit=2, after=first["next"])
        assert (rest["entries"], rest["is_whole"], rest["next"]) == (1, True, None)
        assert rest["head"] == (await check(client))["head"]

    async def test_a_place_that_is_not_there_is_not_found(self, client, three):
        answer = await client.get(CHECK, params={"after": 9}, headers=admin())
        assert answer.status_code == 404

    async def test_nobody_changes_or_deletes_an_entry(self, session, three):
        for statement in ("UPDATE ledger_entry SET hash = 'x'", "DELETE FROM ledger_entry"):
            with pytest.raises(DBAPIError, match="append-only"):
                async with session.begin_nested():
                    await session.execute(text(statement))

    async def test_a_change_behind_the_databases_back_is_found(self, client, session, three):
        await session.execute(text("ALTER TABLE ledger_entry DISABLE TRIGGER USER"))
        second = (await session.scalars(select(LedgerEntry).where(LedgerEntry.position == 2))).one()
        content = second.content | {"ground": "无"}
        await session.execute(
            update(LedgerEntry).where(LedgerEntry.position == 2).values(content=content)
        )
        await session.flush()
        result = await check(client)
        assert (result["is_whole"], result["first_break"]) == (False, 2)

    async def test_only_platform_admins_check(self, client):
        assert (await client.get(CHECK)).status_code == 401
        assert (await client.get(CHECK, headers=citizen())).status_code == 403
        assert (await client.get(CHECK, headers=staff(role="department_admin"))).status_code == 403

    @pytest.mark.parametrize("query", [{"after": -1}, {"limit": 0}, {"limit": 10**6}])
    async def test_odd_stretches_are_refused(self, client, query):
        answer = await client.get(CHECK, params=query, headers=admin())
        assert answer.status_code == 422
