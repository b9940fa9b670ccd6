"""Output of a command while it works: progress bars on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

QUARTERS: Final = 4
WIDE: Final = 120


@dataclass
class Bar:
    """A running count; `advance` may be called from any thread."""

    label: str
    total: int
    console: Console
    progress: Progress | None
    task: TaskID | None
    done: int = 0
    said: int = 0

    def advance(self, by: int = 1) -> None:
        self.reach(self.done + by)

    def reach(self, done: int) -> None:
        self.done = done
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=done)
            return
        quarter = QUARTERS * done // max(self.total, 1)
        if quarter > self.said and done < self.total:
            self.said = quarter
            self.console.print(f"  {self.label}: {done} of {self.total}")


def _console() -> Console:
    console = Console(highlight=False)
    # Output into a file or a pipe is not wrapped to a terminal's width.
    return console if console.is_terminal else Console(highlight=False, width=WIDE)


@dataclass
class Reporter:
    console: Console = field(default_factory=_console)

    def say(self, sentence: str) -> None:
        self.console.print(sentence, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """A stage of unknown length; its end is printed with the time it took."""
        started = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(f"{label} …"):
                yield
        else:
            yield
        self.console.print(f"[green]✓[/] {label} [dim]{time.monotonic() - started:.1f} s[/]")

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Bar]:
        """A stage of known length."""
        started = time.monotonic()
        if self.console.is_terminal:
            columns = (
                TextColumn("  {task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=self.console, transient=True) as progress:
                bar = Bar(
                    label, total, self.console, progress, progress.add_task(label, total=total)
                )
                yield bar
        else:
            bar = Bar(label, total, self.console, None, None)
            yield bar
        took = time.monotonic() - started
        self.console.print(f"[green]✓[/] {label}: {bar.done} [dim]{took:.1f} s[/]")
