"""A token bucket per client and class of request; fair because each client has its own."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field

_CLIENTS = 100_000


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
    """In this process only; pods each keep their own count."""

    levels: OrderedDict[tuple[str, str], tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, policy: Policy, client: str, moment: float) -> Verdict:
        """Take one token at `moment` (monotonic seconds)."""
        key = (policy.name, client)
        level, since = self.levels.pop(key, (float(policy.burst), moment))
        level = min(policy.burst, level + max(0.0, moment - since) * policy.rate)
        wait = 0 if level >= 1 else max(1, math.ceil((1 - level) / policy.rate))
        if wait == 0:
            level -= 1
        self.levels[key] = (level, moment)
        if len(self.levels) > _CLIENTS:
            self.levels.popitem(last=False)
        return Verdict(int(level), math.ceil((policy.burst - level) / policy.rate), wait)
