"""Rows 10 and 11: the queue of a department, and who takes what from it."""

import asyncio

import pytest

from chassis import clock

from ..factories import Officer, day, guide, officer_token, step
from .handling import slug


async def test_pool_shows_only_what_the_actor_may_finish(world):
    case = await world.submitted()
    seen = {}
    for role in ("clerk", "decider", "department_admin", "platform_admin"):
        seen[role] = await (await world.staff(role)).task(case)
    assert {role: task is not None for role, task in seen.items()} == {
        "clerk": True,
        "decider": False,
        "department_admin": False,
        "platform_admin": True,
    }
    task = seen["clerk"]
    assert task["step"] == "acceptance"
    assert task["case_no"] == case.answer["case_no"]
    assert task["actions"] == ["claim"]
    assert set(task["links"]) >= {"self", "claim"}
    assert "蒋" not in str(task)


async def test_queue_says_of_a_task_what_its_claim_says(world):
    case = await world.submitted()
    clerk = await world.staff("clerk")
    line = await clerk.task(case)
    claimed = (await clerk.post(f"/api/v1/tasks/{line['task_id']}/claim")).json()
    mine = (await clerk.get("/api/v1/tasks", scope="mine", count=True)).json()
    assert mine == {"data": [claimed], "next": None, "count": 1, "count_is_exact": True}
    changed = {"status", "holder_id", "claimed_at", "actions", "links"}
    assert {name for name in line if line[name] != claimed[name]} == changed


async def test_line_that_was_shown_before_is_shown_as_it_is_now(world):
    case = await world.submitted()
    clerk, colleague = await world.staff("clerk"), await world.staff("clerk")
    line = await clerk.task(case)
    assert await clerk.task(case) == line
    await colleague.post(f"/api/v1/tasks/{line['task_id']}/claim")
    assert await clerk.task(case) is None
    await colleague.post(f"/api/v1/tasks/{line['task_id']}/release")
    assert await clerk.task(case) == line


async def test_answer_of_an_act_is_what_its_content_location_shows(world):
    case = await world.submitted()
    clerk, admin = await world.staff("clerk"), await world.staff("department_admin", "clerk")
    path = f"/api/v1/tasks/{(await clerk.task(case))['task_id']}"
    to_self = {"to": str(admin.id)}
    acts = [(clerk, "claim", None), (admin, "transfer", to_self), (admin, "release", None)]
    for officer, act, body in acts:
        answer = await officer.post(f"{path}/{act}", body)
        assert answer.headers["content-location"] == path
        assert (await officer.get(path)).json() == answer.json()
    await clerk.claim(case)
    answer = await clerk.act(case, "acceptance")
    assert answer.headers["content-location"] == case.path
    shown = await clerk.get(case.path)
    assert (shown.json(), shown.headers["etag"]) == (answer.json(), answer.headers["etag"])


async def test_task_is_seen_by_the_staff_of_its_place(world):
    case = await world.submitted()
    path = f"/api/v1/tasks/{(await (await world.staff('clerk')).task(case))['task_id']}"
    assert (await (await world.staff("decider")).get(path)).json()["actions"] == []
    assert (
        await (await world.staff("clerk", department_code="OTHER")).get(path)
    ).status_code == 404
    assert (await case.citizen.get(path)).status_code == 403
    unknown = await (await world.staff("clerk")).get(f"/api/v1/tasks/{clock.new_id()}")
    assert (unknown.status_code, slug(unknown)) == (404, "task-not-found")


async def test_oldest_due_first_with_pages(world, freeze):
    cases = []
    for text in ("2026-03-04", "2026-03-02", "2026-03-03"):
        with freeze(day(text)):
            cases.append(await world.immediate())
    clerk = await world.staff("clerk")
    first = (await clerk.get("/api/v1/tasks", limit=2)).json()
    second = (await clerk.get("/api/v1/tasks", limit=2, after=first["next"])).json()
    ids = [one["case_id"] for one in first["data"] + second["data"]]
    assert ids == [cases[1].id, cases[2].id, cases[0].id]


@pytest.mark.parametrize(
    ("text", "light"),
    [
        ("2026-03-02", "green"),
        ("2026-03-03", "yellow"),
        ("2026-03-04", "yellow"),
        ("2026-03-05", "red"),
    ],
)
async def test_light_follows_the_limit_of_the_step(world, freeze, text, light):
    with freeze(day("2026-03-02")):
        case = await world.submitted()
    clerk = await world.staff("clerk")
    with freeze(day(text)):
        task = await clerk.task(case)
    assert (task["due_on"], task["light"]) == ("2026-03-04", light)


async def test_claim_puts_it_into_the_hand_and_release_back(world):
    case = await world.submitted()
    clerk, other = await world.staff("clerk"), await world.staff("clerk")
    task = await clerk.claim(case)
    assert task["status"] == "held"
    assert task["actions"][:3] == ["acceptance", "correction-notice", "non-acceptance"]
    path = f"/api/v1/tasks/{task['task_id']}"
    assert (await clerk.post(f"{path}/claim")).status_code == 200
    taken = await other.post(f"{path}/claim")
    assert (taken.status_code, slug(taken)) == (409, "task-taken")
    assert (await other.post(f"{path}/release")).status_code == 409
    assert await clerk.task(case) is None
    assert (await clerk.task(case, "mine"))["task_id"] == task["task_id"]
    released = await clerk.post(f"{path}/release")
    assert (released.status_code, released.json()["status"]) == (200, "open")
    assert (await other.post(f"{path}/claim")).status_code == 200


async def test_two_claims_at_once_give_one(busy_world):
    case = await busy_world.submitted()
    clerks = [await busy_world.staff("clerk") for _ in range(5)]
    task = await clerks[0].task(case)
    answers = await asyncio.gather(
        *(one.post(f"/api/v1/tasks/{task['task_id']}/claim") for one in clerks)
    )
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409, 409]


async def test_two_acceptances_at_once_give_one(busy_world):
    case = await busy_world.submitted()
    clerk = await busy_world.staff("clerk")
    await clerk.claim(case)
    answers = await asyncio.gather(*(clerk.act(case, "acceptance") for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409]


@pytest.mark.parametrize("role", ["decider", "department_admin", "auditor"])
async def test_claim_of_what_one_may_not_finish_is_403(world, role):
    case = await world.submitted()
    task = await (await world.staff("clerk")).task(case)
    answer = await (await world.staff(role)).post(f"/api/v1/tasks/{task['task_id']}/claim")
    assert (answer.status_code, slug(answer)) == (403, "step-not-permitted")


async def test_tasks_elsewhere_do_not_exist(world):
    case = await world.submitted()
    task = await (await world.staff("clerk")).task(case)
    other = await world.staff("clerk", "department_admin", department_code="OTHER")
    for act, body in {"claim": None, "release": None, "transfer": {"to": str(other.id)}}.items():
        answer = await other.post(f"/api/v1/tasks/{task['task_id']}/{act}", body)
        assert answer.status_code == 404
    assert (await other.post(f"/api/v1/tasks/{clock.new_id()}/claim")).status_code == 404


async def test_finished_tasks_stand_in_done_and_cannot_be_taken(world):
    case = await world.submitted()
    clerk = await world.staff("clerk")
    task = await clerk.claim(case)
    await clerk.act(case, "acceptance")
    done = (await clerk.get("/api/v1/tasks", scope="done")).json()["data"]
    assert [(one["step"], one["outcome"], one["actions"]) for one in done] == [
        ("acceptance", "accepted", [])
    ]
    admin = await world.staff("department_admin", "clerk")
    for act, body in {"claim": None, "release": None, "transfer": {"to": str(clerk.id)}}.items():
        answer = await admin.post(f"/api/v1/tasks/{task['task_id']}/{act}", body)
        assert (answer.status_code, slug(answer)) == (409, "task-done")


async def test_department_queue_is_for_who_manages(world):
    case = await world.submitted()
    clerk, admin = await world.staff("clerk"), await world.staff("department_admin")
    await clerk.claim(case)
    assert (await clerk.get("/api/v1/tasks", scope="department")).status_code == 403
    task = await admin.task(case, "department")
    assert task["holder_id"] == str(clerk.id)
    assert task["actions"] == ["release", "transfer"]


async def test_a_task_in_the_pool_cannot_be_released(world):
    case = await world.submitted()
    admin = await world.staff("department_admin")
    assert (await admin.get(case.path)).json()["actions"] == ["transfer"]
    task_id = (await admin.task(case, "department"))["task_id"]
    answer = await admin.post(f"/api/v1/tasks/{task_id}/release")
    assert (answer.status_code, slug(answer)) == (409, "task-not-claimed")


async def test_step_of_another_department_offers_nothing_to_the_lead(world):
    steps = [step("acceptance", "acceptance"), step("survey", "review", department_code="OTHER")]
    content = guide(steps=[*steps, step("decision", "decision")], materials=[])
    case = await world.submitted(content=content, materials=[])
    clerk, admin = await world.staff("clerk"), await world.staff("department_admin")
    await clerk.claim(case)
    assert (await clerk.act(case, "acceptance")).json()["actions"] == []
    assert (await admin.get(case.path)).json()["actions"] == []
    other = await world.staff("clerk", department_code="OTHER")
    assert (await other.get(case.path)).json()["actions"] == ["claim"]


async def test_who_moved_away_has_left_the_task_behind(world):
    case = await world.submitted()
    clerk = await world.staff("clerk", region_code="511602001000")
    admin = await world.staff("department_admin")
    task_id = (await admin.task(case, "department"))["task_id"]
    answer = await admin.post(f"/api/v1/tasks/{task_id}/transfer", {"to": str(clerk.id)})
    assert answer.status_code == 422, "a town does not handle the county's cases"
    steps = [step("acceptance", "acceptance"), step("survey", "review", department_code="OTHER")]
    content = guide(steps=[*steps, step("decision", "decision")], materials=[])
    case = await world.submitted(content=content, materials=[])
    first = await world.staff("clerk")
    await first.claim(case)
    await first.act(case, "acceptance")
    other = await world.staff("clerk", department_code="OTHER")
    await other.claim(case)
    moved = Officer(other.id, world.client, officer_token(other.id, "clerk"))
    opinion = {"step": "survey", "outcome": "agree", "opinion": "同意"}
    answer = await moved.act(case, "opinions", opinion)
    assert (answer.status_code, slug(answer)) == (409, "task-not-claimed")


class TestTransfer:
    async def claimed(self, world):
        case = await world.submitted()
        clerk = await world.staff("clerk")
        task = await clerk.claim(case)
        return case, clerk, f"/api/v1/tasks/{task['task_id']}/transfer"

    async def test_admin_gives_it_to_a_colleague(self, world):
        case, clerk, path = await self.claimed(world)
        admin, other = await world.staff("department_admin"), await world.staff("clerk")
        moved = await admin.post(path, {"to": str(other.id)})
        assert (moved.status_code, moved.json()["holder_id"]) == (200, str(other.id))
        assert (await clerk.act(case, "acceptance")).status_code == 409
        assert (await other.act(case, "acceptance")).status_code == 200

    @pytest.mark.parametrize("role", ["clerk", "decider"])
    async def test_others_may_not(self, world, role):
        _, clerk, path = await self.claimed(world)
        answer = await (await world.staff(role)).post(path, {"to": str(clerk.id)})
        assert (answer.status_code, slug(answer)) == (403, "transfer-not-permitted")

    @pytest.mark.parametrize(
        ("role", "place", "code"),
        [
            ("clerk", {"department_code": "OTHER"}, "unknown_colleague"),
            ("clerk", {"active": False}, "unknown_colleague"),
            ("clerk", {"region_code": "511603000000"}, "other_region"),
            ("decider", {}, "role"),
        ],
    )
    async def test_only_to_who_may_finish_it(self, world, role, place, code):
        _, _, path = await self.claimed(world)
        admin, other = await world.staff("department_admin"), await world.staff(role, **place)
        answer = await admin.post(path, {"to": str(other.id)})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == code

    async def test_admin_may_release_for_someone_who_is_away(self, world):
        case, _, path = await self.claimed(world)
        admin = await world.staff("department_admin")
        assert (await admin.post(path.replace("transfer", "release"))).status_code == 200
        assert await (await world.staff("clerk")).task(case) is not None


async def test_citizens_have_no_queue(world):
    case = await world.submitted()
    assert (await case.citizen.get("/api/v1/tasks")).status_code == 403
    clerk = await world.staff("clerk")
    assert (await clerk.get("/api/v1/tasks", scope="all")).status_code == 422
