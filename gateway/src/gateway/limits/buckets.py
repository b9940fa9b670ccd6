"""A token bucket per client and class of request; fair because each client has its own."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field

from gateway.context import Headers

_CLIENTS = 100_000
Key = tuple[str, str]


@dataclass(frozen=True)
class Policy:
    """`rate` tokens per second flow into a bucket of `burst`; a rate of 0 means no limit."""

    name: str
    rate: float
    burst: int

    @property
    def window(self) -> int:
        """Seconds in which an empty bucket fills."""
        return max(1, math.ceil(self.burst / self.rate))

    def headers(self, verdict: "Verdict") -> Headers:
        """Where the client stands (draft-ietf-httpapi-ratelimit-headers)."""
        name = self.name.encode()
        return [
            (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name, self.burst, self.window)),
            (b"ratelimit", b'"%b";r=%d;t=%d' % (name, verdict.remaining, verdict.full)),
        ]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait` is 0 when the request may pass, else whole seconds until it may.

    `full` is how many seconds it takes until nothing counts against the client any more.
    """

    remaining: int
    full: int
    wait: int


@dataclass
class Buckets:
    """The count of one process; what other pods gave the same client is noted too.

    `taken` is what was given here since the others last heard of it.
    """

    levels: OrderedDict[Key, tuple[float, float]] = field(default_factory=OrderedDict)
    taken: dict[Key, int] = field(default_factory=dict)

    def take(self, policy: Policy, client: str, moment: float) -> Verdict:
        """Take one token at `moment` (monotonic seconds)."""
        key = (policy.name, client)
        level, since = self.levels.pop(key, (float(policy.burst), moment))
        level = min(policy.burst, level + max(0.0, moment - since) * policy.rate)
        wait = 0 if level >= 1 else max(1, math.ceil((1 - level) / policy.rate))
        if wait == 0:
            level -= 1
            self.taken[key] = self.taken.get(key, 0) + 1
        self.levels[key] = (level, moment)
        if len(self.levels) > _CLIENTS:
            self.levels.popitem(last=False)
        full = math.ceil((policy.burst - level) / policy.rate)
        return Verdict(max(0, int(level)), full, wait)

    def note(self, policy: Policy, client: str, taken: int, moment: float) -> None:
        """Another pod gave the client so much. What two pods gave at once is owed afterwards.

        Nobody owes more than one burst, so that no client is shut out for longer than that takes.
        """
        key = (policy.name, client)
        level, since = self.levels.pop(key, (float(policy.burst), moment))
        level = min(policy.burst, level + max(0.0, moment - since) * policy.rate)
        self.levels[key] = (max(level - taken, -float(policy.burst)), moment)
        if len(self.levels) > _CLIENTS:
            self.levels.popitem(last=False)
