"""The frame of `make bench`: rows, rounds that alternate with a baseline, and what came out."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bench import Bench

Figure = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Round:
    """One alternation: both figures in the same unit, taken one after the other."""

    ours: float
    baseline: float


@dataclass(frozen=True)
class Outcome:
    """One line of the table; `ratio` is None where the bound is on the figure itself."""

    title: str
    unit: str
    ours: float
    baseline: float | None
    ratio: float | None
    bound: str
    met: bool
    rounds: Sequence[Round] = ()
    notes: str = ""
    number: int | None = None


@dataclass(frozen=True)
class Row:
    """One or more promises measured together: `number`, and `also` those of other outcomes.

    `needs` are programs; `seconds` about what three rounds of five seconds take, or what it always
    takes when that is `fixed`.
    """

    number: int
    title: str
    measure: "Callable[[Bench], Awaitable[Sequence[Outcome]]]"
    needs: tuple[str, ...] = ()
    seconds: int = 30
    also: tuple[int, ...] = ()
    fixed: bool = False

    def takes(self, rounds: int, seconds: float) -> float:
        """About so many seconds; a third of them goes into starting and stopping."""
        if self.fixed:
            return self.seconds
        return self.seconds * (1 + 2 * rounds * seconds / 15) / 3


PROGRAMS = {"nginx": "nginx-light", "wrk": "wrk"}


def holds(value: float, bound: str) -> bool:
    """Whether `≥ 0.35` or `≤ 1.3` (a unit may follow) holds for the value."""
    sign, number, *_ = bound.split()
    limit = float(number)
    if sign == "≥":
        return value >= limit
    if sign == "≤":
        return value <= limit
    raise ValueError(f"{bound}: a bound begins with ≥ or ≤")


def ratio_outcome(
    title: str, unit: str, rounds: Sequence[Round], bound: str, notes: str = ""
) -> Outcome:
    """Medians of both sides, and the median of the rounds' own ratios: a noisy machine is noisy
    for both figures of a round."""
    ratio = statistics.median(one.ours / one.baseline for one in rounds)
    return Outcome(
        title=title,
        unit=unit,
        ours=statistics.median(one.ours for one in rounds),
        baseline=statistics.median(one.baseline for one in rounds),
        ratio=ratio,
        bound=bound,
        met=holds(ratio, bound),
        rounds=tuple(rounds),
        notes=notes,
    )


def figure_outcome(
    title: str, unit: str, values: Sequence[float], bound: str, notes: str = ""
) -> Outcome:
    """The median of several rounds against a bound on the figure itself."""
    value = statistics.median(values)
    return Outcome(title, unit, value, None, None, bound, holds(value, bound), (), notes)


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of them lie (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered)) - 1))]


@dataclass(frozen=True)
class Load:
    """What a loader saw; milliseconds."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    by: str


__all__ = ["Figure", "Load", "Outcome", "Path", "Round", "Row"]
