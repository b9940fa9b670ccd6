"""A crowd that uses the platform as people do: reading, signing in, applying, handling cases.

Each person is an address and, when signed in, a token of her own; an errand is one visit, of one
request or of several that follow one another.
"""

import asyncio
import json
import random
import secrets
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from chassis.clock import new_id
from onenet.chaos.plans import Plan, plans_at
from onenet.client import CLIENT_ID, Network, SignedIn
from onenet.failures import Refusal
from onenet.story.cast import PASSWORD, Cast, Citizen
from onenet.story.paper import PDF

from .loader import Answer, ConnectionCut, Connections
from .platforms import Platform

CITIZENS = 60
AT_ONCE = 4
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Out of a hundred errands.
ERRANDS = {"public": 40, "own": 22, "apply": 12, "office": 12, "handle": 10, "token": 3, "enter": 1}
REFUSED = frozenset({429, 503})


class ErrandEnded(Exception):
    """Refused or failed; nobody repeats."""


@dataclass(slots=True)
class Sent:
    """`planned` in monotonic seconds; `expected` also when refused for now."""

    kind: str
    planned: float
    seconds: float
    status: int | str
    expected: bool


@dataclass
class Person:
    """`refresh` is used by one errand at a time: it is another one afterwards."""

    username: str
    password: str
    token: str
    refresh: str
    address: str
    cases: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "X-Forwarded-For": self.address}


@dataclass(frozen=True)
class Application:
    """An acknowledged submission, to be repeated with its key."""

    person: Person
    body: bytes
    case_id: str


@dataclass
class Crowd:
    connections: Connections
    plan: Plan
    citizens: list[Person]
    clerks: list[Person]
    deciders: list[Person]
    choice: random.Random = field(default_factory=lambda: random.Random(7))
    acknowledged: dict[str, Application] = field(default_factory=dict)
    answered_otherwise: int = 0
    tasks: deque[dict[str, Any]] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    resting: deque[Person] = field(default_factory=deque)
    under_way: int = 0

    async def errand(self, planned: float, sent: list[Sent]) -> None:
        """One visit; every request of it is noted, the first one as of the planned moment."""
        kind = self.choice.choices(list(ERRANDS), list(ERRANDS.values()))[0]
        visit = Visit(self, kind, planned, sent)
        self.under_way += 1
        try:
            await getattr(visit, kind)()
        except ErrandEnded:
            return
        finally:
            self.under_way -= 1

    async def repeat(self, key: str) -> None:
        """The same application with the same key must be the same case."""
        first = self.acknowledged[key]
        headers = {**first.person.headers, **JSON, "Idempotency-Key": key}
        path = "/api/v1/cases"
        answer = await self.connections.send("POST", path, headers=headers, body=first.body)
        if answer.status != 201 or answer.json()["case_id"] != first.case_id:
            self.answered_otherwise += 1

    def address(self) -> str:
        return f"10.{self.choice.randrange(1, 40)}.{self.choice.randrange(256)}.7"


@dataclass
class Visit:
    crowd: Crowd
    kind: str
    planned: float
    sent: list[Sent]

    async def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | None = None,
        wanted: tuple[int, ...] = (200,),
    ) -> Answer:
        """Raises ErrandEnded unless the answer has a wanted status."""
        began, self.planned = self.planned, 0.0
        began = began or time.monotonic()
        name = f"{self.kind} {method} {path.partition('?')[0]}"
        try:
            answer = await self.crowd.connections.send(method, path, headers=headers, body=body)
        except (ConnectionCut, TimeoutError) as error:
            self._note(name, began, f"{type(error).__name__} {error}".strip(), expected=False)
            raise ErrandEnded from error
        expected = answer.status in wanted or answer.status in REFUSED
        self._note(name if not expected else self.kind, began, answer.status, expected=expected)
        if answer.status not in wanted:
            raise ErrandEnded
        return answer

    def _note(self, name: str, began: float, status: int | str, *, expected: bool) -> None:
        self.sent.append(Sent(name, began, time.monotonic() - began, status, expected))

    # errands

    async def public(self) -> None:
        item = self.crowd.plan.item
        name = urlencode({"q": item["name"][: self.crowd.choice.randint(2, 5)]})
        guide = f"/api/v1/items/{item['item_id']}"
        path = self.crowd.choice.choice(
            (
                "/api/v1/items",
                f"/api/v1/items?{name}",
                guide,
                f"{guide}/form",
                "/api/v1/orgs/regions",
            )
        )
        await self.send("GET", path, {"X-Forwarded-For": self.crowd.address()})

    async def own(self) -> None:
        person = self.crowd.choice.choice(self.crowd.citizens)
        path = "/api/v1/me/cases?limit=20"
        if person.cases and self.crowd.choice.random() < 0.7:
            case = f"/api/v1/cases/{self.crowd.choice.choice(person.cases)}"
            path = self.crowd.choice.choice((case, case, f"{case}/timeline", f"{case}/clock"))
        await self.send("GET", path, person.headers)

    async def apply(self) -> None:
        person = self.crowd.choice.choice(self.crowd.citizens)
        plan = self.crowd.plan
        content = {
            "item_id": plan.item["item_id"],
            "answers": plan.answers,
            "form": plan.form,
            "materials": [await self._material(person, wanted) for wanted in plan.materials],
            "submit": True,
        }
        body, key = json.dumps(content).encode(), str(new_id())
        headers = {**person.headers, **JSON, "Idempotency-Key": key}
        answer = await self.send("POST", "/api/v1/cases", headers, body, (201,))
        case_id = str(answer.json()["case_id"])
        self.crowd.acknowledged[key] = Application(person, body, case_id)
        person.cases.append(case_id)

    async def _material(self, person: Person, material: Any) -> dict[str, Any]:
        if not material["upload_allowed"]:
            return {"material_id": material["material_id"], "promise": True}
        mark = secrets.token_hex(8)
        body = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n'
            "Content-Type: application/pdf\r\n\r\n"
        ).encode() + PDF
        body += f"\r\n--{mark}--\r\n".encode()
        headers = {**person.headers, "Content-Type": f"multipart/form-data; boundary={mark}"}
        headers["Idempotency-Key"] = str(new_id())
        answer = await self.send("POST", "/api/v1/files", headers, body, (201,))
        return {"material_id": material["material_id"], "file_id": answer.json()["file_id"]}

    async def office(self) -> None:
        clerk = self.crowd.choice.choice(self.crowd.clerks)
        answer = await self.send("GET", "/api/v1/tasks?scope=pool&limit=20", clerk.headers)
        for task in answer.json()["data"]:
            own = task["item_name"] == self.crowd.plan.item["name"]
            if own and task["stage"] == "acceptance" and task["task_id"] not in self.crowd.seen:
                self.crowd.seen.add(task["task_id"])
                self.crowd.tasks.append(task)

    async def handle(self) -> None:
        """Claimed, accepted and decided, as an item that is granted at the counter."""
        if not self.crowd.tasks:
            await self.office()
            return
        task = self.crowd.tasks.popleft()
        person = self.crowd.choice.choice(self.crowd.deciders)
        case = f"/api/v1/cases/{task['case_id']}"
        decision = {"outcome": "granted", "reason": "符合条件"}
        for path, content in (
            (f"/api/v1/tasks/{task['task_id']}/claim", {}),
            (f"{case}/acceptance", {}),
            (f"{case}/decision", decision),
        ):
            headers = {**person.headers, **JSON, "Idempotency-Key": str(new_id())}
            await self.send("POST", path, headers, json.dumps(content).encode())

    async def token(self) -> None:
        """A token renewed; who was refused signs in anew, since nobody knows what became of it."""
        if not self.crowd.resting:
            await self.public()
            return
        person = self.crowd.resting.popleft()
        form = {
            "grant_type": "refresh_token",
            "refresh_token": person.refresh,
            "client_id": CLIENT_ID,
        }
        headers = {**FORM, "X-Forwarded-For": person.address}
        answer = await self.send("POST", "/oauth2/token", headers, urlencode(form).encode())
        tokens = answer.json()
        person.token, person.refresh = tokens["access_token"], tokens["refresh_token"]
        self.crowd.resting.append(person)

    async def enter(self) -> None:
        """The whole way through the sign-in page."""
        person = self.crowd.choice.choice(self.crowd.citizens)
        auth = SignedIn(self.crowd.connections.base_url, person.username, person.password)
        profile = f"{self.crowd.connections.base_url}/api/v1/me/profile"
        flow = auth.auth_flow(httpx.Request("GET", profile))
        request = next(flow)
        while True:
            answer = await self._travel(request, person)
            try:
                request = flow.send(answer)
            except StopIteration:
                return
            except Refusal as error:
                began = time.monotonic()
                self._note("enter", began, f"{type(error).__name__} {error}", expected=False)
                raise ErrandEnded from error

    async def _travel(self, request: httpx.Request, person: Person) -> httpx.Response:
        kept = ("authorization", "cookie", "content-type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        headers["X-Forwarded-For"] = person.address
        parts = urlsplit(str(request.url))
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        body = request.read() or (b"" if request.method == "POST" else None)
        answer = await self.send(request.method, path, headers, body, (200, 302, 303))
        return httpx.Response(
            answer.status, content=answer.body, headers=answer.headers, request=request
        )


async def gather(platform: Platform, connections: Connections) -> Crowd:
    """Citizens who did not exist before, and the staff of the item's department; signed in."""
    return await asyncio.to_thread(_gather, platform, connections)


def _gather(platform: Platform, connections: Connections) -> Crowd:
    cast = Cast.at(platform.base_url, platform.samples)
    plan = plans_at(platform.base_url)[0]
    department = plan.item["department"]["code"]
    staff = [each for each in platform.samples["staff"] if each["department_code"] == department]
    clerks = [each for each in staff if "clerk" in each["roles"]]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        citizens = list(pool.map(lambda _: _registered(cast), range(CITIZENS)))
        accounts = [(citizen.mobile, PASSWORD) for citizen in citizens]
        accounts += [(clerk["username"], clerk["password"]) for clerk in clerks]
        people = list(pool.map(lambda each: _person(platform.base_url, *each), enumerate(accounts)))
    office = people[CITIZENS:]
    deciders = [
        person
        for person, clerk in zip(office, clerks, strict=True)
        if {"clerk", "decider"} <= set(clerk["roles"])
    ]
    crowd = Crowd(connections, plan, people[:CITIZENS], office, deciders)
    crowd.resting.extend(crowd.citizens)
    return crowd


def _registered(cast: Cast) -> Citizen:
    citizen = cast.new_citizen()
    cast.public.post("/api/v1/identity/registrations", citizen.registration)
    return citizen


def _person(base_url: str, number: int, account: tuple[str, str]) -> Person:
    username, password = account
    auth = SignedIn(base_url, username, password)
    Network.at(base_url, auth).get("/api/v1/items")
    address = f"10.{40 + number // 250}.{number % 250}.9"
    return Person(username, password, auth.access_token, auth.refresh_token, address)
