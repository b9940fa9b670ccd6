"""People at work while the platform falls; they repeat with the same key until answered."""

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
# How long after the end of work an answer may still be waited for.
LAST_WORD_SECONDS: Final = 120
AGAIN: Final = {401, 408, 429, 500, 502, 503, 504}
# Shares of what people do besides the straight way.
DRAFTED, REPEATED, WITHDRAWN, NOTICED, LOOKED_FOR_NOTICES = 0.1, 0.2, 0.03, 0.1, 0.25


@dataclass
class Acknowledged:
    """What the platform has said yes to; each must stand afterwards, once."""

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
    """What everybody needs to know; `end` is a monotonic moment, `wanted` a number of cases."""

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
            case_id = await _apply(http, work, plan, choice)
            path = f"/api/v1/cases/{case_id}"
            if (await until(http, work, "GET", path)).status_code != httpx.codes.OK:
                work.acknowledged.unread_writes += 1
            rating = {"service": "application", "satisfaction": 1, "tags": [], "comment": ""}
            _promised(await until(http, work, "POST", f"{path}/ratings", json=rating), 201)
            work.acknowledged.ratings.add(case_id)
            if choice.random() < WITHDRAWN:
                await _withdraw(http, work, case_id)
            if choice.random() < LOOKED_FOR_NOTICES:
                await _correct(http, work)


async def _apply(http: httpx.AsyncClient, work: Work, plan: Plan, choice: random.Random) -> str:
    materials = [await _material(http, work, one) for one in plan.materials]
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


async def _withdraw(http: httpx.AsyncClient, work: Work, case_id: str) -> None:
    path = f"/api/v1/cases/{case_id}/withdrawal"
    answer = await until(http, work, "POST", path, json={"reason": "不再需要"})
    if answer.status_code == httpx.codes.OK:  # an officer may have been first
        work.acknowledged.withdrawals.add(case_id)


async def _correct(http: httpx.AsyncClient, work: Work) -> None:
    """Whatever of hers waits for a correction."""
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
            # One of many, so that colleagues seldom reach for the same; often enough they do.
            for task in choice.sample(pool["data"], min(4, len(pool["data"]))):
                await _take(http, work, task, account["username"], choice)


async def _take(
    http: httpx.AsyncClient, work: Work, task: Mapping[str, Any], who: str, choice: random.Random
) -> None:
    claim = await until(http, work, "POST", f"/api/v1/tasks/{task['task_id']}/claim")
    if claim.status_code != httpx.codes.OK:
        return
    work.acknowledged.claims[task["task_id"]].add(who)
    path = f"/api/v1/cases/{task['case_id']}"
    if task["stage"] == "review":
        await _review(http, work, path, task)
    elif task["stage"] == "decision":
        await _decide(http, work, task["case_id"])
    elif choice.random() < NOTICED:
        await _notice(http, work, task)
    else:
        answer = await until(http, work, "POST", f"{path}/acceptance", json={})
        immediate = task["item_name"] == work.plans[0].item["name"]
        if immediate and answer.status_code == httpx.codes.OK:
            await _decide(http, work, task["case_id"])


async def _notice(http: httpx.AsyncClient, work: Work, task: Mapping[str, Any]) -> None:
    """What is asked for may come back to a colleague, so the claim counts no more."""
    work.acknowledged.claims.pop(task["task_id"], None)
    plan = next(one for one in work.plans if one.item["name"] == task["item_name"])
    field = plan.correctable
    body = {"items": [{"pointer": f"/form/{field}", "reason": "请按证件填写"}]}
    await until(http, work, "POST", f"/api/v1/cases/{task['case_id']}/correction-notice", json=body)


async def _review(http: httpx.AsyncClient, work: Work, path: str, task: Mapping[str, Any]) -> None:
    checks = [{"check_id": one["check_id"], "passed": True} for one in task["checks"]]
    said = {"step": task["step"], "outcome": "agree", "opinion": "符合条件", "checks": checks}
    await until(http, work, "POST", f"{path}/opinions", json=said)


async def _decide(http: httpx.AsyncClient, work: Work, case_id: str) -> None:
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


async def _material(
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
    """The first answer that is neither lost nor «later»; every try carries the same key."""
    headers = {"Idempotency-Key": key or str(new_id())} if method == "POST" else {}
    while time.monotonic() < work.end + LAST_WORD_SECONDS:
        try:
            answer = await http.request(method, path, headers=headers, **options)
        except (httpx.TransportError, Refusal, KeyError, ValueError) as error:
            # Also a sign-in that was cut off half-way; the next try begins it again.
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
