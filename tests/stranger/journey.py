"""The main job as a citizen and a clerk play it, from one answer to the next."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from .client import Visitor, discovery, done, until
from .people import registration

Json = dict[str, Any]


@dataclass
class Network:
    """The platform as its visitors see it, with the sample sign-ins."""

    http: httpx.Client
    samples: Json
    _visitors: dict[str, Visitor] = field(default_factory=dict)
    _guides: dict[str, Json] = field(default_factory=dict)

    @classmethod
    def at(cls, base_url: str, samples: Path) -> Network:
        http = httpx.Client(base_url=base_url.rstrip("/"), timeout=60)
        return cls(http, json.loads(samples.read_text(encoding="utf-8")))

    @property
    def base_url(self) -> str:
        return str(self.http.base_url).rstrip("/")

    @property
    def public(self) -> Visitor:
        return self._visitors.setdefault("", Visitor(self.http))

    def sign_in(self, account: Json) -> Visitor:
        return self._visitors.setdefault(account["username"], Visitor(self.http, account))

    def register(self) -> Visitor:
        person = registration()
        done(self.public.post("/identity/registrations", json=person), 201)
        return Visitor(self.http, person | {"username": person["mobile"]})

    def staff(self, department: str, *roles: str, but: Visitor | None = None) -> Visitor:
        """Somebody of this department with exactly these roles."""
        for account in self.samples["staff"]:
            if account["department_code"] == department and set(account["roles"]) == set(roles):
                visitor = self.sign_in(account)
                if visitor is not but:
                    return visitor
        message = f"no {roles} in {department} among the samples"
        raise LookupError(message)

    def name_of(self, visitor: Visitor) -> str:
        """As the visitor's own userinfo tells it."""
        endpoint = discovery(self.base_url)["userinfo_endpoint"]
        return str(visitor.read(endpoint)["name"])

    @property
    def platform_admin(self) -> Visitor:
        return self.sign_in(
            next(s for s in self.samples["staff"] if "platform_admin" in s["roles"])
        )

    def item(self, name: str) -> Json:
        """The guide of the item with this name, found by searching."""
        if name not in self._guides:
            found = self.public.read("/items", params={"q": name, "limit": 50})["data"]
            match = next(i for i in found if i["name"] == name and i["status"] == "open")
            self._guides[name] = self.public.read(f"/items/{match['item_id']}") | {
                "item_id": match["item_id"]
            }
        return self._guides[name]


@dataclass
class Case:
    """A submitted case: who applied, for what, with what, and what was answered."""

    applicant: Visitor
    item: Json
    form: Json
    answer: Json

    @property
    def id(self) -> str:
        return str(self.answer["case_id"])

    @property
    def path(self) -> str:
        return f"/cases/{self.id}"

    @property
    def department(self) -> str:
        return str(self.item["department"]["code"])


def form_of(visitor: Visitor, item: Json) -> Json:
    """The form, filled from the examples of its schema."""
    schema = visitor.read(f"/items/{item['item_id']}/form")["schema"]
    return {name: schema["properties"][name]["examples"][0] for name in schema["required"]}


def materials_of(
    visitor: Visitor,
    item: Json,
    answers: Json,
    *,
    certificates: Json | None = None,
    promise: bool = False,
    applicant_type: str = "natural_person",
) -> list[Json]:
    """What precheck asks for: claimed where we hold a certificate, promised or uploaded else."""
    body = {"answers": answers, "applicant_type": applicant_type}
    asked = visitor.do(f"/items/{item['item_id']}/precheck", body)["materials"]
    held = certificates or {}
    given = []
    for material in asked:
        if not material["required"] and not (promise and material["promise_allowed"]):
            continue
        one: Json = {"material_id": material["material_id"]}
        if material["certificate_type"] in held:
            one["certificate_code"] = held[material["certificate_type"]]
        elif promise and material["promise_allowed"]:
            one["promise"] = True
        elif material["upload_allowed"]:
            one["file_id"] = visitor.upload()
        else:
            assert material["source"] == "shared_data", material
            continue
        given.append(one)
    return given


def draft_body(visitor: Visitor, item: Json, answers: Json | None = None, **more: Any) -> Json:
    answers = answers or {}
    known = {k: more.pop(k) for k in ("certificates", "promise", "applicant_type") if k in more}
    body = {
        "item_id": item["item_id"],
        "answers": answers,
        "form": form_of(visitor, item),
        "materials": materials_of(visitor, item, answers, **known),
        "on_behalf_of": None,
        "submit": True,
    }
    return body | more


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


def submit(visitor: Visitor, body: Json, headers: dict[str, str] | None = None) -> httpx.Response:
    return visitor.post("/cases", json=body, headers=headers or key())


def apply(visitor: Visitor, item: Json, answers: Json | None = None, **more: Any) -> Case:
    body = draft_body(visitor, item, answers, **more)
    return Case(visitor, item, body["form"], done(submit(visitor, body), 201))


def task_of(officer: Visitor, case: Case, step: str, scope: str = "pool") -> Json | None:
    rows = officer.every("/tasks", scope=scope)
    return next((t for t in rows if t["case_id"] == case.id and t["step"] == step), None)


def take(officer: Visitor, case: Case, step: str) -> Json:
    """Finds the step in the pool and claims it."""
    task = until(
        lambda: task_of(officer, case, step), why=f"{step} of {case.id} never stood in the pool"
    )
    officer.do(f"/tasks/{task['task_id']}/claim")
    return dict(task)


def passed(task: Json) -> list[Json]:
    return [{"check_id": c["check_id"], "passed": True, "note": None} for c in task["checks"]]


def accept(network: Network, case: Case, officer: Visitor | None = None) -> Visitor:
    clerk = officer or network.staff(case.department, "clerk")
    take(clerk, case, "acceptance")
    # a claimed certificate is checked by event; until then acceptance is the wrong moment
    until(
        lambda: "acceptance" in clerk.read(case.path)["actions"], why="acceptance was never offered"
    )
    assert clerk.do(f"{case.path}/acceptance")["status"] in ("accepted", "in_review")
    return clerk


def failed_claim(officer: Visitor, case: Case) -> Json:
    """The case once every claimed certificate is checked and one of them is not good."""

    def look() -> Json | None:
        seen: Json = officer.read(case.path)
        states = {m["state"] for m in seen["materials"]}
        return seen if "failed" in states and "pending" not in states else None

    return dict(until(look, why="the claim was never refused"))


def review_steps(case: Case) -> list[str]:
    return [
        s["step_id"] for s in case.item["steps"] if s["step_id"] not in ("acceptance", "decision")
    ]


def review(network: Network, case: Case, step: str, outcome: str = "agree") -> Visitor:
    officer = network.staff(case.department, "clerk")
    task = take(officer, case, step)
    body = {
        "step": step,
        "outcome": outcome,
        "opinion": "材料与核查情况一致，符合审查标准。",
        "checks": passed(task),
    }
    officer.do(f"{case.path}/opinions", body)
    return officer


def to_decision(network: Network, case: Case) -> None:
    accept(network, case)
    for step in review_steps(case):
        review(network, case, step)


GRANT = {"outcome": "granted", "reason": "符合条件，准予办理。", "remedies": None}
REFUSE = {
    "outcome": "refused",
    "reason": "经核查不符合受理条件第二项。",
    "remedies": "可在六十日内申请行政复议，或者在六个月内提起行政诉讼。",
}


def decide(network: Network, case: Case, body: Json | None = None) -> Json:
    decider = network.staff(case.department, "decider")
    take(decider, case, "decision")
    return dict(decider.do(f"{case.path}/decision", body or GRANT))


def finish(network: Network, case: Case, body: Json | None = None) -> Json:
    """All steps until the certificate is there."""
    to_decision(network, case)
    decide(network, case, body)
    return finished(case)


def finished(case: Case) -> Json:
    def look() -> Json | None:
        seen: Json = case.applicant.read(case.path)
        return seen if seen["status"] in ("finished", "archived") else None

    return dict(until(look, why="the case never finished"))


def certificates_of(case: Case) -> list[Json]:
    rows = case.applicant.every("/me/certificates")
    return [c for c in rows if c["case_id"] == case.id]
