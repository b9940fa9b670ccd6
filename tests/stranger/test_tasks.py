"""The work queue: who sees a task, claims it, releases it, hands it on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from .client import claims, refused
from .journey import Case, Network, accept, review, review_steps, take, task_of

UNKNOWN = "01900000-0000-7000-8000-000000000000"
TASK = {"task_id", "case_id", "case_no", "step", "checks", "actions", "due_on", "light"}


def test_a_new_case_stands_in_the_pool_of_its_department(network: Network, case: Case) -> None:
    clerk = network.staff(case.department, "clerk")
    task = task_of(clerk, case, "acceptance")
    assert task is not None
    assert set(task) >= TASK
    assert task["light"] in ("green", "yellow", "red")
    assert "claim" in task["actions"]
    due = [t["due_on"] for t in clerk.every("/tasks", scope="pool")]
    assert all(a <= b for a, b in pairwise([d for d in due if d]))


def test_a_decider_does_not_see_what_only_a_clerk_may_finish(network: Network, case: Case) -> None:
    clerk, decider = (
        network.staff(case.department, "clerk"),
        network.staff(case.department, "decider"),
    )
    task = task_of(clerk, case, "acceptance")
    assert task is not None
    assert task_of(decider, case, "acceptance") is None
    refused(decider.post(f"/tasks/{task['task_id']}/claim", json={}), 403)


def test_a_claimed_task_is_mine_and_no_longer_in_the_pool(network: Network, case: Case) -> None:
    clerk = network.staff(case.department, "clerk")
    take(clerk, case, "acceptance")
    assert task_of(clerk, case, "acceptance") is None
    held = task_of(clerk, case, "acceptance", "mine")
    assert held is not None
    assert {"acceptance", "correction-notice", "non-acceptance"} & set(held["actions"])


def test_the_second_of_two_at_once_is_told_so(network: Network, case: Case) -> None:
    first = network.staff(case.department, "clerk")
    second = network.staff(case.department, "clerk", but=first)
    task = task_of(first, case, "acceptance")
    assert task is not None
    assert first.token
    assert second.token
    with ThreadPoolExecutor(2) as pool:
        path = f"/tasks/{task['task_id']}/claim"
        answers = list(pool.map(lambda who: who.post(path, json={}), (first, second)))
    assert sorted(a.status_code for a in answers) == [200, 409]
    refused(next(a for a in answers if a.status_code == 409), 409)


def test_a_released_task_returns_to_the_pool(network: Network, case: Case) -> None:
    first = network.staff(case.department, "clerk")
    second = network.staff(case.department, "clerk", but=first)
    task = take(first, case, "acceptance")
    path = f"/tasks/{task['task_id']}"
    refused(second.post(f"{path}/release", json={}), 403, 404, 409)
    first.do(f"{path}/release")
    second.do(f"{path}/claim")


def test_a_department_admin_transfers_a_task_to_another_of_the_same_department(
    network: Network, case: Case
) -> None:
    first = network.staff(case.department, "clerk")
    second = network.staff(case.department, "clerk", but=first)
    admin = network.staff(case.department, "department_admin")
    task = take(first, case, "acceptance")
    path = f"/tasks/{task['task_id']}/transfer"
    to = {"to": claims(second.token)["sub"]}
    refused(first.post(path, json=to), 403)
    far = next(
        s for s in network.samples["staff"]
        if s["roles"] == ["clerk"] and s["department_code"] != case.department
    )  # fmt: skip
    abroad = {"to": claims(network.sign_in(far).token)["sub"]}
    refused(admin.post(path, json=abroad), 403, 404, 409, 422)
    admin.do(path, to)
    assert task_of(second, case, "acceptance", "mine") is not None
    assert task_of(first, case, "acceptance", "mine") is None


def test_finishing_a_step_opens_the_next_and_files_the_old_one_as_done(
    network: Network, case: Case
) -> None:
    clerk = accept(network, case)
    assert task_of(clerk, case, "acceptance", "done") is not None
    steps = [*review_steps(case), "decision"]
    for step, following in pairwise(steps):
        officer = review(network, case, step)
        assert task_of(officer, case, step, "done") is not None
        seer = officer if following != "decision" else network.staff(case.department, "decider")
        assert task_of(seer, case, following) is not None


def test_an_unknown_task_is_404_and_an_unknown_scope_422(network: Network, case: Case) -> None:
    clerk = network.staff(case.department, "clerk")
    refused(clerk.post(f"/tasks/{UNKNOWN}/claim", json={}), 404)
    refused(clerk.get("/tasks", params={"scope": "everything"}), 422)


def test_an_action_wants_its_task_in_hand(network: Network, case: Case) -> None:
    clerk = network.staff(case.department, "clerk")
    refused(clerk.post(f"{case.path}/acceptance", json={}), 409)


def test_a_platform_admin_never_decides(network: Network, case: Case) -> None:
    body = {"outcome": "granted", "reason": "准予", "remedies": None}
    refused(network.platform_admin.post(f"{case.path}/decision", json=body), 403, 404)
