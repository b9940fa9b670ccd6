"""What ends a request early: its deadline, or a client that has left."""

import asyncio
from types import TracebackType
from typing import Self

from gateway.call import Call, ClientGone
from gateway.errors import UpstreamLate

FIRST_LOOK_SECONDS = 0.1
LOOK_SECONDS = 1.0
LEAST_BYTES_PER_SECOND = 4096


class Watch:
    """Around the wait for a service: cancels it when the deadline passes or the client leaves.

    Most requests are over before the first look, so they pay for one timer and no task.
    """

    __slots__ = (
        "_began",
        "_call",
        "_cause",
        "_ends",
        "_loop",
        "_passed",
        "_seconds",
        "_task",
        "_timer",
        "_watcher",
    )

    def __init__(self, call: Call, seconds: float) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._began = self._loop.time()
        self._seconds = seconds
        self._passed = 0
        self._ends = self._began + seconds
        self._cause: Exception | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(min(FIRST_LOOK_SECONDS, seconds), self._look)

    def moved(self, size: int) -> None:
        """Something of the answer was passed on: the deadline starts again, within reason.

        A client that takes an answer in drops would otherwise hold its place for days.
        """
        self._passed += size
        slowest = self._began + self._seconds + self._passed / LEAST_BYTES_PER_SECOND
        self._ends = min(self._loop.time() + self._seconds, slowest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._cause is not None and self._task is not None and error is not None:
            # The cancellation was ours; it leaves this block as what caused it.
            self._task.uncancel()
            raise self._cause from None

    def _look(self) -> None:
        now = self._loop.time()
        if now >= self._ends:
            self._stop(UpstreamLate())
            return
        # Until the body is read, whoever reads it learns that the client has left.
        if self._watcher is None and self._call.is_read:
            self._watcher = self._loop.create_task(self._client_leaves())
        self._timer = self._loop.call_at(min(now + LOOK_SECONDS, self._ends), self._look)

    async def _client_leaves(self) -> None:
        while (await self._call.receive())["type"] != "http.disconnect":
            pass
        self._stop(ClientGone())

    def _stop(self, cause: Exception) -> None:
        if self._cause is None and self._task is not None:
            self._cause = cause
            self._task.cancel()
