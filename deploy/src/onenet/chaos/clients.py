"""People at work while the platform falls; they repeat with the same key until answered."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from chassis.clock import new_id
from onenet.client import SignedIn
from onenet.failures import Unexpected
from onenet.story.paper import PDF

PAUSE_SECONDS: Final = 0.3
TIMEOUT_SECONDS: Final = 40
AGAIN: Final = {401, 429, 500, 502, 503, 504}


@dataclass
class Acknowledged:
    """What the platform has said yes to; each must stand afterwards, once."""

    cases: dict[str, str] = field(default_factory=dict)
    decisions: set[str] = field(default_factory=set)
    ratings: set[str] = field(default_factory=set)
    unread_writes: int = 0
    statuses: Counter[int | str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Work:
    """What everybody needs to know; `end` is a monotonic moment."""

    base_url: str
    item: Mapping[str, Any]
    form: Mapping[str, Any]
    materials: list[Mapping[str, Any]]
    end: float
    acknowledged: Acknowledged

    def goes_on(self) -> bool:
        return time.monotonic() < self.end


async def citizen(work: Work, account: Mapping[str, str]) -> None:
    """Applies, reads the case back, rates; again and again."""
    said = work.acknowledged
    async with _signed_in(work, account) as http:
        while work.goes_on():
            materials = [await _material(http, work, one) for one in work.materials]
            body = {
                "item_id": work.item["item_id"],
                "answers": {},
                "form": work.form,
                "materials": materials,
                "submit": True,
            }
            key = str(new_id())
            answer = await _until(http, work, "POST", "/api/v1/cases", key=key, json=body)
            case_id = _promised(answer, 201)["case_id"]
            said.cases[key] = case_id
            path = f"/api/v1/cases/{case_id}"
            if (await _until(http, work, "GET", path)).status_code != httpx.codes.OK:
                said.unread_writes += 1
            rating = {"service": "application", "satisfaction": 1, "tags": [], "comment": ""}
            _promised(await _until(http, work, "POST", f"{path}/ratings", json=rating), 201)
            said.ratings.add(case_id)


async def officer(work: Work, account: Mapping[str, str], choice: random.Random) -> None:
    """Takes a case from the pool, accepts it and decides it; a colleague may be first."""
    async with _signed_in(work, account) as http:
        while work.goes_on():
            query = {"scope": "pool", "limit": "50"}
            pool = _promised(await _until(http, work, "GET", "/api/v1/tasks", params=query), 200)
            waiting = [task for task in pool["data"] if task["step"] == "acceptance"]
            if not waiting:
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            task = choice.choice(waiting)
            await _handle(http, work, task)


async def _handle(http: httpx.AsyncClient, work: Work, task: Mapping[str, Any]) -> None:
    claim = await _until(http, work, "POST", f"/api/v1/tasks/{task['task_id']}/claim")
    if claim.status_code != httpx.codes.OK:
        return
    path = f"/api/v1/cases/{task['case_id']}"
    accepted = await _until(http, work, "POST", f"{path}/acceptance", json={})
    if accepted.status_code != httpx.codes.OK:
        return
    body = {"outcome": "granted", "reason": "符合条件"}
    _promised(await _until(http, work, "POST", f"{path}/decision", json=body), 200)
    work.acknowledged.decisions.add(task["case_id"])


def _signed_in(work: Work, account: Mapping[str, str]) -> httpx.AsyncClient:
    auth = SignedIn(work.base_url, account["username"], account["password"])
    return httpx.AsyncClient(base_url=work.base_url, timeout=TIMEOUT_SECONDS, auth=auth)


async def _material(
    http: httpx.AsyncClient, work: Work, material: Mapping[str, Any]
) -> dict[str, Any]:
    if not material["upload_allowed"]:
        return {"material_id": material["material_id"], "promise": True}
    upload = {"file": ("材料.pdf", PDF, "application/pdf")}
    answer = await _until(http, work, "POST", "/api/v1/files", files=upload)
    return {"material_id": material["material_id"], "file_id": _promised(answer, 201)["file_id"]}


async def _until(
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
    while True:
        try:
            answer = await http.request(method, path, headers=headers, **options)
        except (httpx.TransportError, Unexpected, KeyError, ValueError) as error:
            # Also a sign-in that was cut off half-way; the next try begins it again.
            work.acknowledged.statuses[type(error).__name__] += 1
        else:
            work.acknowledged.statuses[answer.status_code] += 1
            running = answer.status_code == httpx.codes.CONFLICT and "key-running" in answer.text
            if answer.status_code not in AGAIN and not running:
                return answer
        await asyncio.sleep(PAUSE_SECONDS)


def _promised(answer: httpx.Response, status: int) -> Any:
    if answer.status_code != status:
        request = answer.request
        raise Unexpected(
            f"{request.method} {request.url.path} answered {answer.status_code}:"
            f" {answer.text[:300]}"
        )
    return answer.json()
