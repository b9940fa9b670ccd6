"""Fixtures for every service's tests.

A service's conftest gives `service_factory` (its `create_service`); everything else stands here.
Code under test commits as always: in `client` and `session` a commit only ends a savepoint, and
the whole test is rolled back. `concurrent_client` has a database of its own and commits for real.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import NullPool

from chassis import clock
from chassis.auth import AUDIENCE, TokenKeys
from chassis.database import migrations
from chassis.database.engine import async_url
from chassis.database.sessions import transaction
from chassis.database.tables import outbox_event
from chassis.events import service_of, subject_of
from chassis.http.application import build_app
from chassis.messaging import consumer, republication, worker
from chassis.process import Process, session_maker
from chassis.service import Copied, Service
from chassis.subscriptions import merged
from chassis.testing.servers import create_database, scratch_nats, scratch_postgres
from chassis.testing.settings import ISSUER, settings_of
from chassis.vault import open_vault

CreateService = Callable[..., Service]
_SIGNER = ECKey.generate_key("P-256")
_KID = "identity-test"


@dataclass
class Prepared:
    """A service built once, with a migrated and seeded database."""

    service: Service
    app: FastAPI
    url: str
    process: Process


@dataclass
class Databases:
    """Prepared services by factory, so that one server serves the tests of all of them."""

    server_url: str
    prepared: dict[CreateService, Prepared] = field(default_factory=dict)
    copies: int = 0

    async def of(self, create_service: CreateService) -> Prepared:
        if create_service not in self.prepared:
            self.prepared[create_service] = await self._prepare(create_service)
        return self.prepared[create_service]

    async def copy(self, prepared: Prepared) -> str:
        """The URL of a fresh copy of the prepared database."""
        self.copies += 1
        name = f"{prepared.service.name}_copy_{self.copies}"
        engine = create_async_engine(
            async_url(self.server_url), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        async with engine.connect() as connection:
            template = make_url(prepared.url).database
            await connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        await engine.dispose()
        return make_url(prepared.url).set(database=name).render_as_string(hide_password=False)

    async def _prepare(self, create_service: CreateService) -> Prepared:
        name = create_service(settings_of(create_service)).name
        url = await create_database(self.server_url, f"test_{name}")
        settings = settings_of(create_service, database_url=SecretStr(url))
        service = create_service(settings)
        await asyncio.to_thread(migrations.upgrade, service.migrations, url)
        app = build_app(service, token_keys=token_keys())
        process = bound(app.state.process, url)
        await worker.start_up(service, process)
        await process.engine.dispose()
        return Prepared(service, app, url, app.state.process)


def bound(process: Process, url: str) -> Process:
    """The same process on another database, without a pool (a test has its own event loop)."""
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    return on_engine(process, engine)


def on_engine(process: Process, engine: AsyncEngine) -> Process:
    """The same process with sessions on another engine."""
    return replace(
        process,
        engine=engine,
        sessions=session_maker(engine),
        read_sessions=session_maker(engine.execution_options(postgresql_readonly=True)),
        wake=asyncio.Event(),
        cache={},
    )


def token_keys() -> TokenKeys:
    keys = TokenKeys("http://nowhere", ISSUER)
    keys.accept({"keys": [_SIGNER.as_dict(private=False) | {"kid": _KID}]})
    return keys


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL for this test process."""
    with scratch_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """A real NATS server with JetStream for this test process."""
    with scratch_nats() as url:
        yield url


@pytest.fixture(scope="session")
def databases(postgres_url: str) -> Databases:
    return Databases(postgres_url)


@pytest_asyncio.fixture
async def prepared(service_factory: CreateService, databases: Databases) -> Prepared:
    return await databases.of(service_factory)


@pytest_asyncio.fixture
async def process(prepared: Prepared) -> AsyncIterator[Process]:
    """The service's process for this test: one connection, rolled back at the end.

    Sessions are made as in production, each transaction a savepoint; those that only read are
    refused by PostgreSQL when they write, as in production.
    """
    engine = create_async_engine(async_url(prepared.url), poolclass=NullPool)
    async with engine.connect() as connection:
        outer = await connection.begin()
        read_only = sessionmaker()
        event.listen(read_only, "after_begin", _set_read_only)
        savepoint = {"join_transaction_mode": "create_savepoint"}
        yield replace(
            prepared.process,
            engine=engine,
            sessions=session_maker(connection, **savepoint),
            read_sessions=session_maker(connection, sync_session_class=read_only, **savepoint),
            wake=asyncio.Event(),
            cache={},
        )
        await outer.rollback()
    await engine.dispose()


def _set_read_only(_session: Any, _transaction: Any, connection: Any) -> None:
    """Rolling the savepoint back, as read sessions end, makes the connection writable again."""
    connection.execute(text("SET LOCAL transaction_read_only = on"))


@pytest_asyncio.fixture
async def app(prepared: Prepared, process: Process) -> AsyncIterator[FastAPI]:
    prepared.app.state.process = process
    yield prepared.app
    prepared.app.state.process = prepared.process


@pytest_asyncio.fixture
async def session(process: Process) -> AsyncIterator[AsyncSession]:
    """A session in the test's transaction; see the rows that requests wrote."""
    async with process.sessions(info={"process": process}) as opened:
        yield opened


@pytest_asyncio.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as opened:
        yield opened


@pytest_asyncio.fixture
async def concurrent_process(prepared: Prepared, databases: Databases) -> AsyncIterator[Process]:
    """A process on a database of its own that commits for real."""
    process = bound(prepared.process, await databases.copy(prepared))
    yield process
    await process.engine.dispose()


@pytest_asyncio.fixture
async def concurrent_client(
    prepared: Prepared, concurrent_process: Process
) -> AsyncIterator[httpx.AsyncClient]:
    prepared.app.state.process = concurrent_process
    transport = httpx.ASGITransport(prepared.app)
    async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as opened:
        yield opened
    prepared.app.state.process = prepared.process


@pytest.fixture
def token() -> Callable[..., dict[str, str]]:
    return token_for


def token_for(
    kind: str = "citizen",
    *,
    id: UUID | str | None = None,  # noqa: A002 - reads as in the claim
    level: str = "L2",
    department: str | None = None,
    region: str | None = None,
    roles: tuple[str, ...] | list[str] = (),
    post: str | None = None,
    **claims: Any,
) -> dict[str, str]:
    """Headers of a signed-in actor; `claims` overrides any claim, for forged and stale tokens."""
    seconds = int(time.time())
    content = {
        "iss": ISSUER,
        "sub": str(id or clock.new_id()),
        "aud": AUDIENCE,
        "iat": seconds,
        "exp": seconds + 900,
        "jti": str(clock.new_id()),
        "client_id": "onenet-web",
        "scope": "openid profile cases",
        "kind": kind,
        "level": level if kind == "citizen" else None,
        "department": department,
        "region": region,
        "roles": list(roles),
        "post": post,
    }
    header = {"alg": "ES256", "kid": _KID, "typ": "at+jwt"}
    signed = jwt.encode(header, content | claims, _SIGNER, algorithms=["ES256"])
    return {"Authorization": f"Bearer {signed}"}


@pytest.fixture
def recorded(session: AsyncSession) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """The envelopes of one event type in the outbox, oldest first."""

    async def envelopes(event_type: str) -> list[dict[str, Any]]:
        statement = (
            outbox_event.select()
            .where(outbox_event.c.type == event_type)
            .order_by(outbox_event.c.position)
        )
        return [json.loads(row.envelope) for row in await session.execute(statement)]

    return envelopes


@pytest.fixture
def deliver(prepared: Prepared, process: Process) -> Callable[..., Awaitable[bool]]:
    """Give the service an event as its consumer would; False when it had it before."""
    return partial(deliver_to, prepared.service, process)


async def deliver_to(
    service: Service,
    process: Process,
    event_type: str,
    content: dict[str, Any],
    *,
    sealed: dict[str, Any] | None = None,
    event_id: UUID | None = None,
    sequence: int = 1,
) -> bool:
    key = service.settings.vault_keys.get_secret_value()
    seals = service.settings.seal_keys.get_secret_value()
    sender = open_vault(service_of(event_type), key, seals)
    envelope = {
        "specversion": "1.0",
        "id": str(event_id or clock.new_id()),
        "source": f"/onenet/{service_of(event_type)}",
        "type": event_type,
        "subject": subject_of(event_type, "test"),
        "time": clock.now().isoformat(),
        "sequence": sequence,
        "data": content,
    }
    if sealed is not None:
        envelope["sealed"] = {service.name: sender.seal(sealed, to=service.name)}
    text_ = json.dumps(envelope, default=str).encode()
    return await consumer.apply(process, text_, merged(service.subscriptions))


@pytest.fixture
def freeze() -> Callable[[datetime], AbstractContextManager[None]]:
    return clock.freeze


async def republish(process: Process, kinds: Sequence[Copied]) -> bool:
    """One turn of a republication, as the worker takes it; False when nothing is left."""
    async with transaction(process) as session:
        return await republication.republish_page(session, kinds)
