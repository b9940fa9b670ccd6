"""What is promised: each line is measured as a ratio to its own baseline, or as a count.

The floor must hold. The goal is where a plain program may lead; one that is set for a million rows
is judged only in a run that has them.
"""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Promise:
    """One line of the table; `floor` and `goal` begin with ≥ or ≤."""

    number: int
    what: str
    floor: str
    goal: str
    goal_rows: int = 0

    def verdict(self, value: float, *, rows: int = 0) -> str:
        """`goal`, `ok` (the floor holds) or `missed`; `rows` is the size of the data measured."""
        if rows >= self.goal_rows and holds(value, self.goal):
            return "goal"
        return "ok" if holds(value, self.floor) else "missed"

    @property
    def goal_text(self) -> str:
        return f"{self.goal} at 1 M" if self.goal_rows == MILLION else self.goal


def holds(value: float, bound: str) -> bool:
    """Whether `≥ 0.35` or `≤ 1.2 GB` holds for the value; NaN keeps no promise."""
    sign, limit, *_ = bound.split()
    if sign == "≥":
        return value >= float(limit)
    if sign == "≤":
        return value <= float(limit)
    raise ValueError(f"{bound}: a bound begins with ≥ or ≤")


PROXIED_NGINX = Promise(1, "proxied read through the gateway ÷ nginx proxy_pass", "≥ 0.2", "≥ 0.35")
PROXIED_PLAIN = Promise(2, "the same ÷ FastAPI + httpx streaming proxy", "≥ 10", "≥ 15")
CACHED = Promise(3, "cached public read at the gateway ÷ empty ASGI answer", "≥ 0.4", "≥ 0.6")
SUBMISSION = Promise(
    4, "submission in the service ÷ bare stack writing the same rows", "≥ 0.5", "≥ 0.8"
)
DETAIL = Promise(5, "case detail ÷ bare stack reading the same", "≥ 0.5", "≥ 0.8")
LIST = Promise(5, "list of 20 ÷ bare stack reading the same", "≥ 0.5", "≥ 0.8")
QUEUE = Promise(5, "officer's queue ÷ bare stack reading the same", "≥ 0.5", "≥ 0.8")
STATEMENTS = {
    "submission": Promise(6, "statements of a submission", "≤ 16", "≤ 12"),
    "decision": Promise(6, "statements of a decision", "≤ 20", "≤ 14"),
    "detail": Promise(6, "statements of a case detail", "≤ 10", "≤ 8"),
    "queue": Promise(6, "statements of a queue", "≤ 6", "≤ 4"),
    "search": Promise(6, "statements of a search", "≤ 5", "≤ 3"),
}
OFFICER_POOL = Promise(
    7, "clerk's pool, 100 item types ÷ super-user's queue", "≤ 1.5", "≤ 1.2", MILLION
)
OFFICER_DEPARTMENT = Promise(
    7, "department's queue, 100 item types ÷ super-user's queue", "≤ 1.5", "≤ 1.2", MILLION
)
GROWTH = {
    "pool": Promise(8, "clerk's pool, many ÷ 10,000 cases", "≤ 1.5", "≤ 1.3", MILLION),
    "department": Promise(8, "department's queue, many ÷ 10,000 cases", "≤ 1.5", "≤ 1.3", MILLION),
    "everything": Promise(8, "super-user's queue, many ÷ 10,000 cases", "≤ 1.5", "≤ 1.3", MILLION),
    "own": Promise(8, "applicant's list, many ÷ 10,000 cases", "≤ 1.5", "≤ 1.3", MILLION),
}
EFFECT = Promise(
    9, "commit → effect in another service ÷ bare outbox and consumer, p50", "≤ 4", "≤ 2"
)
RELAY = Promise(10, "relay drain ÷ bare publish window with message ids", "≥ 0.4", "≥ 0.8")
SEARCH = Promise(
    11, "search, 2-character word with filters, many ÷ 10,000 items", "≤ 3", "≤ 2", MILLION
)
CLIENT_CREDENTIALS = Promise(12, "client_credentials ÷ Authlib RS256 server", "≥ 1.5", "≥ 3")
SIGN_IN = Promise(13, "password sign-ins ÷ bare argon2 on as many threads", "≥ 0.8", "≥ 0.9")
READ_MEANWHILE = Promise(13, "p99 of a public read meanwhile ÷ idle", "≤ 3", "≤ 2")
SPIKE_ERRORS = Promise(14, "five-fold spike: answers other than 2xx, 429, 503", "≤ 0", "≤ 0")
SPIKE_LOST = Promise(14, "five-fold spike: acknowledged and lost", "≤ 0", "≤ 0")
SPIKE_RECOVERY = Promise(
    14, "five-fold spike: seconds until p95 is back within 20 %", "≤ 60", "≤ 30"
)
MEMORY = Promise(15, "idle memory of the whole platform", "≤ 1.2 GB", "≤ 0.8 GB")
