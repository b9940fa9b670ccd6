"""The background of a process: everything starts, works and stops together."""

import asyncio
import json
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from nats.js.errors import NotFoundError
from pydantic import SecretStr
from sample.main import Note, create_service
from typer.testing import CliRunner

from chassis import clock
from chassis.cli import commands
from chassis.database.engine import new_engine
from chassis.database.sessions import transaction
from chassis.database.tables import dead_letter, outbox_event
from chassis.http.application import build_app
from chassis.http.health import database_check
from chassis.messaging import bus, worker
from chassis.service import Loop
from chassis.testing.plugin import on_engine, token_for, token_keys
from chassis.testing.settings import settings_of


@pytest.fixture
async def running(prepared, databases, nats_url):
    """The sample service with its worker inside, as `serve` runs it."""
    url = await databases.copy(prepared)
    settings = settings_of(
        create_service, database_url=SecretStr(url), nats_url=nats_url, worker=True
    )
    app = build_app(create_service(settings), token_keys=token_keys())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sample") as client:
            yield app, client


async def until(condition) -> None:
    for _ in range(200):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it never happened")


class TestProcess:
    async def test_written_event_reaches_the_stream(self, running, nats_url):
        _, client = running
        answer = await client.post("/api/v1/notes", json={"text": "x"}, headers=token_for())
        subject = f"onenet.sample.note.written.v1.{answer.json()['note_id']}"
        nc = await bus.connect(nats_url, name="test")

        async def stored() -> bool:
            try:
                message = await nc.jetstream().get_last_msg("SAMPLE", subject)
            except NotFoundError:
                return False
            return json.loads(message.data)["data"]["version"] == 1

        await until(stored)
        await nc.close()

    async def test_ready_names_every_part(self, running):
        _, client = running
        answer = await client.get("/readyz")
        assert answer.status_code == 200
        assert set(answer.json()["parts"]) == {"database", "keys", "bus"}

    async def test_missing_part_is_named_with_503(self, running):
        app, client = running
        app.state.process.keys.keys = {}
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"]["keys"]["ready"] is False
        assert "retry-after" in answer.headers

    async def test_loop_takes_its_turn(self, running):
        _, client = running
        await client.post("/api/v1/notes", json={"text": "sweep me"}, headers=token_for())

        async def swept() -> bool:
            return (await client.get("/api/v1/notes")).json()["data"] == []

        await until(swept)

    async def test_operator_sees_the_outbox_and_dead_letters(self, running):
        _, client = running
        admin = token_for("staff", roles=["platform_admin"])
        outbox = await client.get("/api/v1/operations/sample/outbox", headers=admin)
        letters = await client.get("/api/v1/operations/sample/dead-letters", headers=admin)
        assert outbox.json()["service"] == "sample"
        assert letters.json() == {"data": [], "next": None}
        clerk = token_for("staff", roles=["clerk"])
        assert (
            await client.get("/api/v1/operations/sample/outbox", headers=clerk)
        ).status_code == 403

    async def test_operator_is_shown_each_dead_letter_and_its_way_back(self, client, session):
        told = {"subject": "s", "type": "other.word.spoken.v1", "envelope": b"x", "deliveries": 1}
        ids = sorted((uuid4() for _ in range(2)), reverse=True)
        for one in ids:
            row = sa.insert(dead_letter).values(dead_letter_id=one, reason="why", **told)
            await session.execute(row)
        admin = token_for("staff", roles=["platform_admin"])
        path = "/api/v1/operations/sample/dead-letters"
        first = (await client.get(path, params={"limit": 1}, headers=admin)).json()
        more = {"limit": 1, "after": first["next"]}
        second = (await client.get(path, params=more, headers=admin)).json()
        shown = [*first["data"], *second["data"]]
        assert [one["dead_letter_id"] for one in shown] == [str(one) for one in ids]
        assert shown[0]["reason"] == "why"
        assert shown[0]["links"] == {"redrive": f"{path}/{ids[0]}/redrive"}
        assert "envelope" not in shown[0]
        assert second["next"] is None

    async def test_part_that_is_frozen_is_named(self, concurrent_process):
        async def silence(reader, writer):
            await reader.read()
            writer.close()

        async with await asyncio.start_server(silence, "127.0.0.1", 0) as silent:
            port = silent.sockets[0].getsockname()[1]
            engine = new_engine(f"postgresql://a:b@127.0.0.1:{port}/c")
            frozen = on_engine(concurrent_process, engine)
            assert (
                await database_check(frozen, "1", {"0"}) == "database does not answer: TimeoutError"
            )
            await engine.dispose()
            await asyncio.sleep(0.05)  # until the other end has closed, too

    async def test_operations_count_what_waits(self, client, session):
        await client.post("/api/v1/notes", json={"text": "x"}, headers=token_for())
        admin = token_for("staff", roles=["platform_admin"])
        seen = (await client.get("/api/v1/operations/sample/outbox", headers=admin)).json()
        count = sa.select(sa.func.count()).select_from(outbox_event)
        assert seen["backlog"] == (await session.execute(count)).scalar_one()
        assert seen["oldest_unpublished_at"]


class TestTurns:
    async def test_second_process_skips_the_turn(self, concurrent_process):
        turns = []

        async def slow(session) -> None:
            turns.append(1)
            await asyncio.sleep(0.3)

        loop = Loop("slow", 1, slow)
        await asyncio.gather(*(worker.take_turn(concurrent_process, loop) for _ in range(3)))
        assert turns == [1]

    async def test_failing_turn_leaves_nothing(self, concurrent_process):
        async def fail(session) -> None:
            note = {"note_id": clock.new_id(), "text": "x", "version": 1, "written_at": clock.now()}
            await session.execute(sa.insert(Note).values(note))
            raise RuntimeError

        with pytest.raises(RuntimeError):
            await worker.take_turn(concurrent_process, Loop("fail", 1, fail))
        async with transaction(concurrent_process) as session:
            assert (await session.execute(sa.select(Note))).all() == []


class TestCommands:
    @pytest.mark.parametrize(("command", "key"), [("openapi", "paths"), ("asyncapi", "channels")])
    def test_documents_are_printed(self, command, key):
        done = CliRunner().invoke(commands(create_service), [command])
        assert done.exit_code == 0, done.output
        assert json.loads(done.output)[key]

    async def test_migrate_brings_an_empty_database_to_head(self, databases, nats_url, tmp_path):
        from chassis.testing.servers import create_database

        url = await create_database(databases.server_url, "bare")
        settings = settings_of(create_service, database_url=SecretStr(url))
        environment = {
            "ONENET_DATABASE_URL": url,
            "ONENET_NATS_URL": nats_url,
            "ONENET_FILES_URL": f"file://{tmp_path}",
            "ONENET_ISSUER": settings.issuer,
            "ONENET_KEYS_URL": settings.keys_url,
            "ONENET_VAULT_KEYS": settings.vault_keys.get_secret_value(),
            "PYTHONPATH": str(Path(__file__).parent),
        }
        for _ in range(2):  # a second run changes nothing
            done = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sample", "migrate", env=environment
            )
            assert await done.wait() == 0


class TestReadiness:
    async def test_older_database_is_not_ready_and_newer_is(self, concurrent_process):
        said = []
        for revision in ("older", "head", "newer"):
            async with transaction(concurrent_process) as session:
                await session.execute(
                    sa.text("UPDATE alembic_version SET version_num = :one"), {"one": revision}
                )
            said.append(await database_check(concurrent_process, "head", {"older"}))
        assert said == ["database is at older, needs head: run migrate", None, None]
