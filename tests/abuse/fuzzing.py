"""One role against the whole document: coverage, fuzzing, stateful; every answer checked."""

from __future__ import annotations

import copy
import itertools
import json
import random
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema
from schemathesis.engine.core import EventStream
from tests.stranger.client import Visitor

from . import promises
from .seeds import Bodies, Names

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
TOKEN = re.compile(r"Bearer [\w.-]+")
REAL = 0.75
"""How often a parameter takes a value that exists, and a body starts from one that would do."""


DEEP = 0.4
"""Share of the time a role spends on its own ground first, while its prepared cases are fresh."""
OWN_GROUND = {
    "anonymous": "^/(oauth2|api/v1/(identity|items|progress|certificates))",
    "citizen": "^/api/v1/(cases|me|files|mandates)",
    "company_agent": "^/api/v1/(cases|me|files|mandates)",
    "clerk": "^/api/v1/(cases|tasks|files)",
    "decider": "^/api/v1/(cases|tasks)",
    "department_system": "^/(oauth2|api/v1/(exchange|certificates))",
    "department_admin": "^/api/v1/(tasks|catalog|exchange|supervision|orgs|certificates)",
    "platform_admin": "^/api/v1/(cases|tasks|catalog|exchange|orgs|identity|operations|calendar)",
}


@dataclass(frozen=True)
class Finding:
    role: str
    operation: str
    title: str
    message: str
    curl: str


@dataclass
class Tally:
    role: str
    seed: int
    requests: int = 0
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    phases: Counter[str] = field(default_factory=Counter)
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "seed": self.seed,
            "requests": self.requests,
            "answers": {name: dict(counted) for name, counted in self.answers.items()},
            "phases": dict(self.phases),
            "findings": [asdict(one) for one in self.findings.values()],
            "troubles": self.troubles,
        }


def fuzz(
    visitor: Visitor,
    tally: Tally,
    *,
    known: Names,
    filled: Bodies,
    secret: tuple[str, ...],
    spared: tuple[str, ...],
    seconds: int,
    most: int,
) -> None:
    """Until the time is up or `most` requests are sent."""
    document = visitor.http.get("/openapi.json").json()
    promises.watch(secret)
    _sign(visitor)
    _start_from(filled, tally.seed)
    _before_each(tally.seed, spared)
    began = tally.requests
    for paths, share in ((OWN_GROUND[tally.role], DEEP), ("", 1 - DEEP)):
        settings = _settings(
            visitor.base_url,
            document,
            known,
            seed=tally.seed,
            seconds=round(seconds * share),
            anonymous=visitor.account is None,
            deep=bool(paths),
        )
        ground = {name: one for name, one in document["paths"].items() if re.match(paths, name)}
        schema = schemathesis.openapi.from_dict(
            document | {"paths": ground}, config=schemathesis.Config.from_dict(settings)
        )
        _drain(from_schema(schema).execute(), tally, began + round(most * share))
        began = tally.requests


def _drain(stream: EventStream, tally: Tally, most: int) -> None:
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            _count(tally, event)
        elif isinstance(event, events.NonFatalError):
            tally.troubles.append(f"{event.label}: {event.info.title}: {event.info.message}"[:500])
        if tally.requests >= most:
            stream.stop()


def _count(tally: Tally, event: events.ScenarioFinished) -> None:
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        case = recorder.cases[case_id].value
        tally.requests += 1
        tally.phases[event.phase.value] += 1
        status = interaction.response.status_code if interaction.response else 0
        declared = case.operation.method.upper()
        label = case.operation.label if case.method.upper() == declared else "another method"
        tally.answers.setdefault(label, Counter())[status] += 1
    for case_id, checks in recorder.checks.items():
        for one in checks:
            if one.failure_info is None:
                continue
            failure = one.failure_info.failure
            label = recorder.cases[case_id].value.operation.label
            key = (label, f"{failure.title} {failure.message}"[:120])
            if key not in tally.findings:
                curl = TOKEN.sub("Bearer $TOKEN", one.failure_info.code_sample)
                tally.findings[key] = Finding(
                    tally.role, label, failure.title, failure.message[:600], curl
                )


def _sign(visitor: Visitor) -> None:
    """Every request carries the role's token, renewed before it ends."""
    if visitor.account is None:
        return

    @schemathesis.auth(refresh_interval=60)
    class Token:
        def get(self, case: Any, context: Any) -> str:
            return visitor.token

        def set(self, case: Any, token: str, context: Any) -> None:
            case.headers = case.headers or {}
            case.headers["Authorization"] = f"Bearer {token}"


def _start_from(filled: Bodies, seed: int) -> None:
    """Bodies start from ones that would go through, and then differ in one place or none."""

    @schemathesis.hook
    def map_body(context: Any, body: Any) -> Any:
        operation = context.operation
        real = filled.get(operation.label) if operation else None
        if not real or not isinstance(body, (dict, list)):
            return body
        chance = random.Random(f"{seed} {operation.label} {json.dumps(body, default=str)}")
        if chance.random() > REAL:
            return body
        chosen = copy.deepcopy(chance.choice(real))
        if isinstance(chosen, dict) and isinstance(body, dict) and body and chance.random() > 0.5:
            name = chance.choice(sorted(body, key=str))
            chosen[name] = body[name]
        return chosen


def _before_each(seed: int, spared: tuple[str, ...]) -> None:
    """A key of its own for most writes: drawn ones repeat, and a repeat ends at 422.

    `spared` are the role's own account and the clients it signs in with: it might end them and
    be nobody from then on.
    """
    numbers = itertools.count()
    chance = random.Random(seed)

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        for name in ("staff_id", "client_id"):
            if (case.path_parameters or {}).get(name) in spared:
                case.path_parameters[name] = "01900000-0000-7000-8000-000000000000"
        if case.headers and "Idempotency-Key" in case.headers and chance.random() < REAL:
            case.headers["Idempotency-Key"] = f"{seed}-{next(numbers)}"


def _settings(
    base_url: str,
    document: dict[str, Any],
    known: Names,
    *,
    seed: int,
    seconds: int,
    anonymous: bool,
    deep: bool,
) -> dict[str, Any]:
    bound = {
        f"{where}.{name}": {"dictionary": name, "probability": REAL}
        for where, name in sorted(_parameters(document))
        if name in known
    }
    return {
        "base-url": base_url,
        "seed": seed,
        "max-time": seconds,
        "request-timeout": 40,
        "max-stream-events": 1,
        "max-redirects": 0,
        "continue-on-failure": True,
        "suppress-health-check": ["all"],
        "output": {"sanitization": {"enabled": False}},
        "checks": {"enabled": False} | {one: {"enabled": True} for one in (*CHECKS, promises.NAME)},
        "generation": {"max-examples": 8, "no-shrink": True, "database": "none"}
        | {"with-security-parameters": anonymous},
        # Coverage bends everything that can be bent; the other two go on from what is right.
        "phases": {
            "examples": {"enabled": False},
            "coverage": {"enabled": not deep},
            "fuzzing": {"generation": {"mode": "positive", "max-examples": 14}},
            "stateful": {"max-steps": 8, "generation": {"mode": "positive"}},
        },
        "dictionaries": {name: {"values": values} for name, values in known.items()},
        "parameters": bound,
        "operations": [
            {
                "include-path-regex": "^/api/v1/exchange/resources/",
                "parameters": {"path.code": {"dictionary": "resource_code", "probability": REAL}},
            },
            {
                "include-path": "/oauth2/authorize",
                "parameters": {"query.client_id": {"dictionary": "web_client", "probability": 1.0}},
            },
        ],
    }


def _parameters(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (one["in"], one["name"])
        for operations in document["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict)
        for one in operation.get("parameters", ())
    }
