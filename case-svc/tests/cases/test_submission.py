"""Row 7: POST /api/v1/cases, drafts, and what a receipt proves."""

import asyncio
import json
import re

import pytest
from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from case_svc.cases.models import Case, CaseCounter, CaseEntry, CaseMaterial, CaseTask
from case_svc.intake.usecases.submission import digest
from chassis import clock
from chassis.signing import public_keys

from ..factories import FILLED, REGION, Officer, day, guide, immediate_guide, material
from .applying import person_with_item, pointers, submit
from .handling import slug


async def test_one_call_writes_everything(world, session, recorded):
    case = await world.submitted()
    answer = case.answer
    assert answer["status"] == "submitted"
    assert re.fullmatch(r"\d{6}", answer["query_code"])
    assert answer["case_no"].startswith(REGION + "512B0003600029")
    assert len(answer["case_no"]) <= 50
    assert set(answer["links"]) >= {"self", "timeline", "clock", "item", "progress"}
    assert answer["actions"] == ["correction", "withdrawal", "ratings"]
    (event,) = await recorded("case.submitted.v1")
    assert event["data"]["case_no"] == answer["case_no"]
    assert "蒋" not in str(event)
    task = await session.scalar(select(CaseTask).where(CaseTask.case_id == case.id))
    assert (task.step, task.status) == ("acceptance", "open")
    entry = await session.scalar(select(CaseEntry).where(CaseEntry.case_id == case.id))
    assert (entry.action, entry.from_status, entry.to_status) == (
        "submission",
        "draft",
        "submitted",
    )
    row = await session.get(Case, entry.case_id)
    assert "蒋秀兰".encode() not in row.form


async def test_receipt_can_be_verified_with_the_published_key(world, session):
    person, item = await person_with_item(world)
    body = await world.body(person.id, item)
    answer = (await submit(person, body)).json()
    (jwk,) = await public_keys(session)
    signed = jws.deserialize_compact(answer["receipt"], ECKey.import_key(jwk), ["ES256"])
    assert signed.headers()["typ"] == "onenet-receipt+jwt"
    payload = json.loads(signed.payload)
    assert payload["case_no"] == answer["case_no"]
    assert payload["form_sha256"] == digest(body["form"])
    assert payload["materials_sha256"] == digest(body["materials"])


async def test_numbers_of_a_day_count_up(world):
    person, item = await person_with_item(world)
    numbers = [
        (await submit(person, await world.body(person.id, item), key)).json()["case_no"]
        for key in "abc"
    ]
    assert [int(one[-4:]) for one in numbers] == [1, 2, 3]
    assert len({one[:-4] for one in numbers}) == 1


async def test_national_task_code_begins_the_number(world):
    code = "12441500196720244T3442199806003"
    person, item = await person_with_item(world, task_code=code)
    answer = await submit(person, await world.body(person.id, item))
    assert answer.json()["case_no"].startswith(code)
    assert len(answer.json()["case_no"]) == 43


async def test_key_is_required_and_repeats_give_the_same_case(world, session):
    person, item = await person_with_item(world)
    body = await world.body(person.id, item)
    without = await person.post("/api/v1/cases", body)
    first, again = await submit(person, body), await submit(person, body)
    other = await submit(person, body | {"answers": {"household": "local"}})
    assert without.status_code == 428
    assert first.json() == again.json()
    assert other.status_code == 422
    count = select(func.count()).select_from(Case)
    assert await session.scalar(count) == 1


async def test_same_key_at_once_gives_one_case(busy_world):
    person, item = await person_with_item(busy_world)
    body = await busy_world.body(person.id, item)
    answers = await asyncio.gather(*(submit(person, body) for _ in range(8)))
    assert {one.status_code for one in answers} <= {201, 409}
    assert len({one.json()["case_id"] for one in answers if one.status_code == 201}) == 1
    mine = (await person.get("/api/v1/me/cases")).json()["data"]
    assert len(mine) == 1


async def test_many_at_once_get_different_numbers(busy_world):
    person, item = await person_with_item(busy_world, content=immediate_guide())
    body = await busy_world.body(person.id, item, materials=[])
    answers = await asyncio.gather(*(submit(person, body, f"k{n}") for n in range(12)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["case_no"] for one in answers}) == 12


class TestItem:
    async def test_unknown_item_is_404(self, world):
        person, _ = await person_with_item(world)
        answer = await submit(person, await world.body(person.id, clock.new_id()))
        assert (answer.status_code, slug(answer)) == (404, "item-not-found")

    @pytest.mark.parametrize("status", ["listed", "suspended", "cancelled"])
    async def test_item_that_is_not_open_is_409(self, world, status):
        person, item = await person_with_item(world, status=status)
        answer = await submit(person, await world.body(person.id, item))
        assert (answer.status_code, slug(answer)) == (409, "item-not-open")

    async def test_suspended_item_blocks_new_cases_but_not_running_ones(self, world):
        case = await world.submitted()
        await world.item(item_id=case.item_id, status="suspended")
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        assert (await clerk.act(case, "acceptance")).status_code == 200

    async def test_case_keeps_the_version_it_began_with(self, world):
        case = await world.submitted()
        await world.item(item_id=case.item_id, content=guide(steps=[]))
        clerk = await world.staff("clerk")
        await clerk.claim(case)
        assert (await clerk.act(case, "acceptance")).json()["item_version"] == 1

    async def test_assurance_too_low_names_the_level(self, world):
        person, item = await person_with_item(world, content=guide(required_assurance="L3"))
        answer = await submit(person, await world.body(person.id, item))
        assert (answer.status_code, slug(answer)) == (403, "assurance-too-low")
        assert "L3" in answer.json()["detail"]

    async def test_staff_cannot_apply(self, world):
        clerk = await world.staff("clerk")
        item = await world.item()
        answer = await submit(clerk, await world.body(clerk.id, item))
        assert answer.status_code == 403

    async def test_anonymous_is_401(self, world):
        item = await world.item()
        answer = await submit(Officer(clock.new_id(), world.client, {}), {"item_id": str(item)})
        assert answer.status_code == 401


class TestForm:
    @pytest.mark.parametrize(
        ("form", "expected"),
        [
            (
                {},
                {"/form/name": "required", "/form/id_number": "required", "/form/size": "required"},
            ),
            (FILLED | {"more": 1}, {"/form/more": "additionalProperties"}),
            (FILLED | {"size": "3"}, {"/form/size": "type"}),
            (FILLED | {"size": 0}, {"/form/size": "minimum"}),
            (FILLED | {"name": "一"}, {"/form/name": "minLength"}),
            (FILLED | {"id_number": "5"}, {"/form/id_number": "pattern"}),
            (FILLED | {"since": "gestern"}, {"/form/since": "format"}),
            (FILLED | {"sources": ["a", 1]}, {"/form/sources/1": "type"}),
        ],
    )
    async def test_form_errors_point_at_fields(self, world, session, form, expected):
        person, item = await person_with_item(world)
        answer = await submit(person, await world.body(person.id, item, form=form))
        assert answer.status_code == 422
        assert pointers(answer) == expected
        assert await session.scalar(select(func.count()).select_from(Case)) == 0
        assert await session.scalar(select(func.count()).select_from(CaseCounter)) == 0

    async def test_message_does_not_repeat_the_value(self, world):
        person, item = await person_with_item(world)
        body = await world.body(person.id, item, form=FILLED | {"id_number": "13800001234"})
        answer = await submit(person, body)
        assert "13800001234" not in answer.text

    @pytest.mark.parametrize(
        ("answers", "expected"),
        [
            ({"nothing": "x"}, {"/answers/nothing": "unknown_question"}),
            ({"household": "mars"}, {"/answers/household": "unknown_option"}),
            ({"a/b~": "x"}, {"/answers/a~1b~0": "unknown_question"}),
        ],
    )
    async def test_answers_must_be_offered(self, world, answers, expected):
        person, item = await person_with_item(world)
        answer = await submit(person, await world.body(person.id, item, answers=answers))
        assert (answer.status_code, pointers(answer)) == (422, expected)

    async def test_unknown_member_is_422(self, world):
        person, item = await person_with_item(world)
        answer = await submit(person, await world.body(person.id, item, extra=1))
        assert pointers(answer) == {"/extra": "extra_forbidden"}


class TestMaterials:
    async def given(self, world, person, *changes, answers=None):
        item = await world.item()
        body = await world.body(person.id, item, answers=answers or {})
        body["materials"] += changes
        return await submit(person, body)

    async def test_missing_required_material_is_named(self, world):
        person, item = await person_with_item(world)
        answer = await submit(person, await world.body(person.id, item, materials=[]))
        assert answer.status_code == 422
        messages = [one["message"] for one in answer.json()["errors"]]
        assert [one["code"] for one in answer.json()["errors"]] == ["missing_material"] * 3
        assert "declaration" in messages[0]
        assert "card" in messages[1]
        assert "record" in messages[2]

    async def test_answers_decide_what_is_needed(self, world):
        person, _ = await person_with_item(world)
        answer = await self.given(world, person, answers={"household": "other"})
        assert answer.status_code == 422
        assert "permit" in answer.json()["errors"][0]["message"]

    @pytest.mark.parametrize(
        ("given", "place", "code"),
        [
            ({"material_id": "nope", "promise": True}, "material_id", "unknown_material"),
            ({"material_id": "card", "promise": True}, "material_id", "duplicate_material"),
            ({"material_id": "permit", "promise": True}, "material_id", "material_not_needed"),
            ({"material_id": "photo", "promise": True}, "promise", "promise_not_allowed"),
            (
                {"material_id": "photo", "certificate_code": "1.2"},
                "certificate_code",
                "claim_not_allowed",
            ),
        ],
    )
    async def test_each_wrong_entry_is_pointed_at(self, world, given, place, code):
        person, _ = await person_with_item(world)
        answer = await self.given(world, person, given)
        assert answer.status_code == 422
        assert pointers(answer) == {f"/materials/3/{place}": code}

    async def test_shared_data_is_not_uploaded(self, world):
        person, _ = await person_with_item(world)
        given = {"material_id": "book", "file_id": await world.file(person.id)}
        answer = await self.given(world, person, given)
        assert pointers(answer) == {"/materials/3/file_id": "upload_not_allowed"}

    async def test_shared_data_the_applicant_may_bring_stands_once(self, world):
        shared = material("book", source="shared_data", upload_allowed=True)
        person, item = await person_with_item(world, content=guide(materials=[shared]))
        given = [{"material_id": "book", "file_id": await world.file(person.id)}]
        answer = await submit(person, await world.body(person.id, item, materials=given))
        assert answer.status_code == 201, answer.text
        (shown,) = (await person.get(answer.json()["links"]["self"])).json()["materials"]
        assert (shown["material_id"], shown["state"]) == ("book", "supplied")

    async def test_foreign_and_unknown_files_look_alike(self, world):
        person, _ = await person_with_item(world)
        foreign = {"material_id": "photo", "file_id": await world.file(clock.new_id())}
        unknown = {"material_id": "photo", "file_id": str(clock.new_id())}
        for given in (foreign, unknown):
            answer = await self.given(world, person, given)
            assert pointers(answer) == {"/materials/3/file_id": "unknown_file"}

    @pytest.mark.parametrize(
        "given",
        [
            {"material_id": "photo"},
            {"material_id": "photo", "promise": True, "certificate_code": "x"},
            {"material_id": "photo", "promise": False},
        ],
    )
    async def test_exactly_one_way(self, world, given):
        person, _ = await person_with_item(world)
        answer = await self.given(world, person, given)
        assert answer.status_code == 422
        assert next(iter(pointers(answer))).startswith("/materials/3")

    async def test_claim_is_pending_and_told_to_exchange(self, world, session, recorded):
        person, item = await person_with_item(world)
        body = await world.body(person.id, item)
        body["materials"][1] = {"material_id": "card", "certificate_code": "1.2.156.3005.2.X"}
        answer = await submit(person, body)
        assert answer.status_code == 201
        (event,) = await recorded("case.certificate_claimed.v1")
        assert event["data"]["certificate_code"] == "1.2.156.3005.2.X"
        assert event["data"]["person_id"] == str(person.id)
        row = await session.scalar(select(CaseMaterial).where(CaseMaterial.material_id == "card"))
        assert (row.state, str(row.claim_id)) == ("pending", event["data"]["claim_id"])

    async def test_promise_gets_its_date_and_shared_data_its_row(self, world, freeze):
        with freeze(day("2026-03-02")):
            person, _ = await person_with_item(world)
            answer = await self.given(world, person)
            shown = (await person.get(answer.json()["links"]["self"])).json()
        states = {one["material_id"]: one for one in shown["materials"]}
        assert states["record"]["state"] == "promised"
        assert states["record"]["promised_until"] == "2026-03-17"
        assert states["book"]["state"] == "shared"
        assert "correction" in shown["actions"]


@pytest.mark.parametrize("submit_now", ["true", "false"])
@pytest.mark.parametrize(
    "form",
    [
        '{"name": "\\u0000"}',
        '{"name": "\\ud800"}',
        '{"name": {"\\udfff": 1}}',
        '{"size": NaN}',
        '{"size": 1e400}',
        '{"size": -1e400}',
        '{"size": 9223372036854775808}',
        '{"sources": ' + "[" * 400 + "]" * 400 + "}",
        '{"sources": ' + "[" * 9000 + "]" * 9000 + "}",
    ],
)
async def test_what_cannot_be_kept_is_422(world, form, submit_now):
    person, item = await person_with_item(world)
    body = f'{{"item_id": "{item}", "form": {form}, "submit": {submit_now}}}'
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    path = "/api/v1/cases"
    answer = await world.client.post(path, content=body, headers=person.headers | headers)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
