"""The frame of `make bench`: rows, rounds that alternate with a baseline, and their outcomes."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .promises import Promise

if TYPE_CHECKING:
    from .bench import Bench

Measurement = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Round:
    """One alternation: both figures in the same unit, measured one after the other."""

    ours: float
    baseline: float

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline if self.baseline else float("nan")


@dataclass(frozen=True)
class Outcome:
    """A promise and its measured value: a ratio, or a figure where there is no baseline."""

    promise: Promise
    value: float
    verdict: str
    unit: str = ""
    rounds: Sequence[Round] = ()
    notes: str = ""

    @property
    def kept(self) -> bool:
        return self.verdict != "missed"

    @property
    def remark(self) -> str:
        """Both figures behind the ratio, and what else a reader should know."""
        if not self.rounds:
            return self.notes
        ours = statistics.median(turn.ours for turn in self.rounds)
        baseline = statistics.median(turn.baseline for turn in self.rounds)
        figures = f"{digits(ours)} ÷ {digits(baseline)} {self.unit}"
        return f"{figures}; {self.notes}" if self.notes else figures


@dataclass(frozen=True)
class Row:
    """Promises that are measured together; `needs` names programs.

    `seconds` is about what three rounds of five seconds take, or what the row always takes when it
    is `fixed`.
    """

    title: str
    promises: Sequence[Promise]
    measure: "Callable[[Bench], Awaitable[Sequence[Outcome]]]"
    needs: Sequence[str] = ()
    seconds: int = 30
    fixed: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted({promise.number for promise in self.promises}))

    def expected_seconds(self, rounds: int, seconds: float) -> float:
        """About a third goes into starting and stopping; the rest grows with the load."""
        if self.fixed:
            return self.seconds
        return self.seconds * (1 + 2 * rounds * seconds / 15) / 3


def ratio_outcome(
    promise: Promise, unit: str, rounds: Sequence[Round], *, notes: str = "", rows: int = 0
) -> Outcome:
    """The median of the rounds' own ratios: a slow minute is slow for both figures of a round."""
    ratio = statistics.median(turn.ratio for turn in rounds)
    verdict = promise.verdict(ratio, rows=rows)
    return Outcome(promise, ratio, verdict, unit, tuple(rounds), notes)


def figure_outcome(
    promise: Promise, values: Sequence[float], *, unit: str = "", notes: str = ""
) -> Outcome:
    """The median of several measurements, where the promise is on the figure itself."""
    value = statistics.median(values)
    return Outcome(promise, value, promise.verdict(value), unit, (), notes)


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of them lie (nearest rank)."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered)) - 1))]


def digits(value: float) -> str:
    """Three significant digits; more would only be noise."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
