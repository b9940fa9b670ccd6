"""What ends a request early: its deadline, or a client that has left."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

from gateway.context import ClientGone, RequestContext
from gateway.errors import DeadlineExceeded

FIRST_LOOK_SECONDS = 0.1
LOOK_SECONDS = 1.0
LEAST_BYTES_PER_SECOND = 4096


class Deadline:
    """Around the wait for a service: cancels it when the time is over or the client leaves.

    Most requests are over before the first look, so they pay for one timer and no task.
    """

    def __init__(self, context: RequestContext, receive: Receive, seconds: float) -> None:
        self._context = context
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._began = self._loop.time()
        self._seconds = seconds
        self._passed_bytes = 0
        self._ends = self._began + seconds
        self._cause: Exception | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(min(FIRST_LOOK_SECONDS, seconds), self._look)

    def extend(self, size: int) -> None:
        """Part of the answer was passed on: the time starts again, within reason.

        A client that takes an answer in drops would otherwise hold its place for days.
        """
        self._passed_bytes += size
        slowest = self._began + self._seconds + self._passed_bytes / LEAST_BYTES_PER_SECOND
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
            self._stop(DeadlineExceeded())
            return
        # While the body is still being read, its reader notices that the client has left.
        if self._watcher is None and self._context.body_read:
            self._watcher = self._loop.create_task(self._wait_for_client())
        self._timer = self._loop.call_at(min(now + LOOK_SECONDS, self._ends), self._look)

    async def _wait_for_client(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._stop(ClientGone())

    def _stop(self, cause: Exception) -> None:
        if self._cause is None and self._task is not None:
            self._cause = cause
            self._task.cancel()
