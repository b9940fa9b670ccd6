"""Sessions, and the one place that commits: a request is a transaction, so is a worker's turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, NewType

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from chassis.auth import MaybeActor
from chassis.process import Process

Writing = NewType("Writing", AsyncSession)
Reading = NewType("Reading", AsyncSession)


def process_of(session: AsyncSession) -> Process:
    """The process this session was opened in."""
    process: Process = session.info["process"]
    return process


@asynccontextmanager
async def transaction(
    process: Process, connection: AsyncConnection | None = None
) -> AsyncIterator[Writing]:
    """One transaction: committed on success, rolled back on any exception.

    `connection` is one on which no transaction is open; it stays the caller's. Without it the
    pool gives one at the first statement.
    """
    bind = {} if connection is None else {"bind": connection}
    async with process.sessions(info={"process": process}, **bind) as session, session.begin():
        yield Writing(session)


@asynccontextmanager
async def reading(process: Process) -> AsyncIterator[Reading]:
    """A transaction that PostgreSQL refuses to let write; it is rolled back when it ends."""
    async with process.read_sessions(info={"process": process}) as session:
        yield Reading(session)


async def _writing(request: Request, actor: MaybeActor) -> Writing:
    session: Writing = await request.state.transaction.begin(actor)
    return session


async def _reading(request: Request) -> Reading:
    session: Reading = await request.state.transaction.read()
    return session


# For a type checker these are `Writing` and `Reading`; in the signature of a route they also give
# the session of its request (see `chassis.http.route.TransactionRoute`).
WriteSession = Annotated[Writing, Depends(_writing)]
ReadSession = Annotated[Reading, Depends(_reading)]
