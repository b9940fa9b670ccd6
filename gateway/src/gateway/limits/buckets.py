"""A token bucket per client and class of request; fair because each client has its own."""

import math
from collections import OrderedDict
from dataclasses import dataclass, field

_CLIENTS = 100_000


@dataclass(frozen=True)
class Policy:
    """`rate` tokens per second flow into a bucket of `burst`."""

    name: str
    rate: float
    burst: int


@dataclass(frozen=True)
class Verdict:
    """`wait` is 0 when the request may pass, else whole seconds until it may."""

    remaining: int
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
        if level >= 1:
            self._put(key, (level - 1, moment))
            return Verdict(int(level - 1), 0)
        self._put(key, (level, moment))
        return Verdict(0, max(1, math.ceil((1 - level) / policy.rate)))

    def _put(self, key: tuple[str, str], value: tuple[float, float]) -> None:
        self.levels[key] = value
        if len(self.levels) > _CLIENTS:
            self.levels.popitem(last=False)
