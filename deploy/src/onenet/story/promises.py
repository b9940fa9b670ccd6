"""Steps of a story: who did what, with which result, how long it took, and was it as promised."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from onenet.client import Network
from onenet.console import Reporter
from onenet.failures import Unexpected

PATIENCE_SECONDS: Final = 30
PAUSE_SECONDS: Final = 0.1


@dataclass
class Step:
    """A row of the story; `said` is what is printed of it."""

    row: str
    who: str
    said: str = ""


@dataclass
class Story:
    reporter: Reporter
    steps: int = 0
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def step(self, row: str, who: str) -> Iterator[Step]:
        """Run and print a step; a broken promise ends the story and names the row."""
        step = Step(row, who)
        began = time.monotonic()
        try:
            yield step
        except (Unexpected, KeyError, IndexError, TypeError) as broken:
            reason = str(broken) if isinstance(broken, Unexpected) else f"missing {broken!r}"
            raise Unexpected(f"Row {row} is not as promised ({who}): {reason}") from broken
        took = (time.monotonic() - began) * 1000
        self.steps += 1
        self.reporter.say(f"{row:>5}  {who} {step.said} [{took:.0f} ms]")

    def seconds(self) -> float:
        return time.monotonic() - self.started


def ensure(kept: object, promise: str) -> None:
    """Raises Unexpected with the promise that was not kept."""
    if not kept:
        raise Unexpected(promise)


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of a refusal with this status."""
    ensure(
        answer.status_code == status,
        f"{answer.request.method} {answer.request.url.path} was to be refused with {status}"
        f" and answered {answer.status_code}: {answer.text[:300]}",
    )
    kind = answer.headers.get("content-type", "")
    ensure(kind.startswith("application/problem+json"), f"a refusal came as {kind}")
    problem: dict[str, Any] = answer.json()
    ensure(
        problem["status"] == status and problem["type"].startswith("urn:onenet:problem:"),
        f"the problem is not in the agreed form: {problem}",
    )
    return problem


def eventually(look: Callable[[], Any], promise: str) -> Any:
    """The first truthy result of `look`; effects in other services take a moment."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if result := look():
            return result
        time.sleep(PAUSE_SECONDS)
    raise Unexpected(f"{promise} (waited {PATIENCE_SECONDS} s)")


def every(network: Network, path: str, **params: str) -> Iterator[dict[str, Any]]:
    """All entries of a list, page by page."""
    after: dict[str, str] = {}
    while True:
        page = network.get(path, params={"limit": "100", **params, **after})
        yield from page["data"]
        if page["next"] is None:
            return
        after = {"after": page["next"]}
