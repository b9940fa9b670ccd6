"""People at work while processes are killed; they repeat a request with its key until answered."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from chassis.clock import new_id
from onenet.chaos.plans import Plan
from onenet.client import SignedIn
from onenet.failures import Refusal, Unexpected
from onenet.story.paper import PDF

PAUSE_SECONDS: Final = 0.2
TIMEOUT_SECONDS: Final = 40
# How long an answer is awaited after the end of the work.
LAST_WORD_SECONDS: Final = 120
AGAIN: Final = {401, 408, 429, 500, 502, 503, 504}
# Shares of what people do besides the usual way.
DRAFTED, REPEATED, WITHDRAWN, NOTICED, LOOKED_FOR_NOTICES = 0.1, 0.2, 0.03, 0.1, 0.25


@dataclass
class Acknowledged:
    """What the platform has acknowledged; each must exist afterwards, once."""

    cases: dict[str, str] = field(default_factory=dict)
    corrections: set[str] = field(default_factory=set)
    withdrawals: set[str] = field(default_factory=set)
    decisions: set[str] = field(default_factory=set)
    ratings: set[str] = field(default_factory=set)
    claims: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    failed_sign_ins: int = 0
    replays: int = 0
    unread_writes: int = 0
    unequal_answers: int = 0
    statuses: Counter[int | str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Work:
    """The task of all people; `end` is a monotonic time, `wanted` a number of cases."""

    base_url: str
    plans: list[Plan]
    wanted: int
    end: float
    acknowledged: Acknowledged
    transport: Callable[[], httpx.AsyncBaseTransport] = httpx.AsyncHTTPTransport

    def goes_on(self) -> bool:
        return len(self.acknowledged.cases) < self.wanted and time.monotonic() < self.end


async def citizen(work: Work, account: Mapping[str, str], choice: random.Random) -> None:
    """Applies, reads the case back, rates; corrects when asked, withdraws now and then."""
    async with signed_in(work, account) as http:
        while work.goes_on():
            plan = choice.choices(work.plans, [one.share for one in work.plans])[0]
            case_id = await apply(http, work, plan, choice)
            path = f"/api/v1/cases/{case_id}"
            if (await until(http, work, "GET", path)).status_code != httpx.codes.OK:
                work.acknowledged.unread_writes += 1
            rating = {"service": "application", "satisfaction": 1, "tags": [], "comment": ""}
            _promised(await until(http, work, "POST", f"{path}/ratings", json=rating), 201)
            work.acknowledged.ratings.add(case_id)
            if choice.random() < WITHDRAWN:
                await withdraw(http, work, case_id)
            if choice.random() < LOOKED_FOR_NOTICES:
                await correct(http, work)


async def apply(http: httpx.AsyncClient, work: Work, plan: Plan, choice: random.Random) -> str:
    materials = [await material_of(http, work, one) for one in plan.materials]
    drafted = choice.random() < DRAFTED
    body = {
        "item_id": plan.item["item_id"],
        "answers": plan.answers,
        "form": plan.form,
        "materials": materials,
        "submit": not drafted,
    }
    key = str(new_id())
    answer = await until(http, work, "POST", "/api/v1/cases", key=key, json=body)
    case_id = str(_promised(answer, 201)["case_id"])
    if drafted:
        path = f"/api/v1/cases/{case_id}/submission"
        _promised(await until(http, work, "POST", path, json={}), 200)
    work.acknowledged.cases[key] = case_id
    if choice.random() < REPEATED:
        again = await until(http, work, "POST", "/api/v1/cases", key=key, json=body)
        if again.json() != answer.json():
            work.acknowledged.unequal_answers += 1
    return case_id


async def withdraw(http: httpx.AsyncClient, work: Work, case_id: str) -> None:
    path = f"/api/v1/cases/{case_id}/withdrawal"
    answer = await until(http, work, "POST", path, json={"reason": "不再需要"})
    if answer.status_code == httpx.codes.OK:  # an officer may have been first
        work.acknowledged.withdrawals.add(case_id)


async def correct(http: httpx.AsyncClient, work: Work) -> None:
    """Correct each case of the applicant that waits for it."""
    query = {"status": "correction_required", "limit": "5"}
    mine = _promised(await until(http, work, "GET", "/api/v1/me/cases", params=query), 200)
    by_name = {one.item["name"]: one for one in work.plans}
    for case in mine["data"]:
        plan = by_name[case["item_name"]]
        path = f"/api/v1/cases/{case['case_id']}/correction"
        sent = {"form": {plan.correctable: plan.form[plan.correctable]}}
        answer = await until(http, work, "POST", path, json=sent)
        if answer.status_code == httpx.codes.OK:
            work.acknowledged.corrections.add(case["case_id"])


async def officer(work: Work, account: Mapping[str, str], choice: random.Random) -> None:
    """Takes what is in the pool and does the next step; a colleague may be first."""
    async with signed_in(work, account) as http:
        while work.goes_on():
            query = {"scope": "pool", "limit": "20"}
            pool = _promised(await until(http, work, "GET", "/api/v1/tasks", params=query), 200)
            if not pool["data"]:
                await asyncio.sleep(PAUSE_SECONDS)
            # Random ones, so that colleagues claim the same task only now and then.
            for task in choice.sample(pool["data"], min(4, len(pool["data"]))):
                await take_task(http, work, task, account["username"], choice)


async def take_task(
    http: httpx.AsyncClient, work: Work, task: Mapping[str, Any], who: str, choice: random.Random
) -> None:
    claim = await until(http, work, "POST", f"/api/v1/tasks/{task['task_id']}/claim")
    if claim.status_code != httpx.codes.OK:
        return
    work.acknowledged.claims[task["task_id"]].add(who)
    path = f"/api/v1/cases/{task['case_id']}"
    if task["stage"] == "review":
        await review(http, work, path, task)
    elif task["stage"] == "decision":
        await decide(http, work, task["case_id"])
    elif choice.random() < NOTICED:
        await request_correction(http, work, task)
    else:
        answer = await until(http, work, "POST", f"{path}/acceptance", json={})
        immediate = task["item_name"] == work.plans[0].item["name"]
        if immediate and answer.status_code == httpx.codes.OK:
            await decide(http, work, task["case_id"])


async def request_correction(http: httpx.AsyncClient, work: Work, task: Mapping[str, Any]) -> None:
    """Request a correction; the task may return to a colleague, so this claim no longer counts."""
    work.acknowledged.claims.pop(task["task_id"], None)
    plan = next(one for one in work.plans if one.item["name"] == task["item_name"])
    field = plan.correctable
    body = {"items": [{"pointer": f"/form/{field}", "reason": "请按证件填写"}]}
    await until(http, work, "POST", f"/api/v1/cases/{task['case_id']}/correction-notice", json=body)


async def review(http: httpx.AsyncClient, work: Work, path: str, task: Mapping[str, Any]) -> None:
    checks = [{"check_id": one["check_id"], "passed": True} for one in task["checks"]]
    said = {"step": task["step"], "outcome": "agree", "opinion": "符合条件", "checks": checks}
    await until(http, work, "POST", f"{path}/opinions", json=said)


async def decide(http: httpx.AsyncClient, work: Work, case_id: str) -> None:
    body = {"outcome": "granted", "reason": "符合条件"}
    path = f"/api/v1/cases/{case_id}/decision"
    answer = await until(http, work, "POST", path, json=body)
    if answer.status_code == httpx.codes.OK:  # whoever accepted a case may not always decide it
        work.acknowledged.decisions.add(case_id)


def signed_in(work: Work, account: Mapping[str, str]) -> httpx.AsyncClient:
    auth = SignedIn(work.base_url, account["username"], account["password"])
    return httpx.AsyncClient(
        base_url=work.base_url, timeout=TIMEOUT_SECONDS, auth=auth, transport=work.transport()
    )


async def material_of(
    http: httpx.AsyncClient, work: Work, material: Mapping[str, Any]
) -> dict[str, Any]:
    if not material["upload_allowed"]:
        return {"material_id": material["material_id"], "promise": True}
    upload = {"file": ("材料.pdf", PDF, "application/pdf")}
    answer = await until(http, work, "POST", "/api/v1/files", files=upload)
    return {"material_id": material["material_id"], "file_id": _promised(answer, 201)["file_id"]}


async def until(
    http: httpx.AsyncClient,
    work: Work,
    method: str,
    path: str,
    *,
    key: str | None = None,
    **options: Any,
) -> httpx.Response:
    """The first conclusive answer; every attempt carries the same key."""
    headers = {"Idempotency-Key": key or str(new_id())} if method == "POST" else {}
    while time.monotonic() < work.end + LAST_WORD_SECONDS:
        try:
            answer = await http.request(method, path, headers=headers, **options)
        except (httpx.TransportError, Refusal, KeyError, ValueError) as error:
            # Also an interrupted sign-in; the next attempt begins it again.
            work.acknowledged.statuses[type(error).__name__] += 1
        else:
            work.acknowledged.statuses[answer.status_code] += 1
            running = answer.status_code == httpx.codes.CONFLICT and "key-running" in answer.text
            if answer.status_code not in AGAIN and not running:
                return answer
        await asyncio.sleep(PAUSE_SECONDS)
    raise Unexpected(f"{method} {path} got no answer: {dict(work.acknowledged.statuses)}")


def _promised(answer: httpx.Response, status: int) -> Any:
    if answer.status_code != status:
        request = answer.request
        raise Unexpected(
            f"{request.method} {request.url.path} answered {answer.status_code}:"
            f" {answer.text[:300]}"
        )
    return answer.json()
