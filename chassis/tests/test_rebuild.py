"""Copies that are lost: a rebuild reads the stream again, or the producer tells all again.

| What happens | How it comes right |
| a copy is lost, or a new type is read | a rebuild reads the stream again |
| a copy is lost and the stream is younger | the producer tells the present state again |
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from losing import SPOKEN, at_work, heard, on_written, reacting, recorded, rows, speak, until, write
from sample.main import COPIED, Heard

from chassis.database import tables
from chassis.http import operations
from chassis.messaging import bus, consumer, republication
from chassis.testing.plugin import bound, republish, token_for


class TestRebuild:
    async def test_copies_come_back_and_other_effects_stay_single(
        self, prepared, concurrent_process, nc
    ):
        process = replace(concurrent_process, bus=nc)
        copies, effects = [], []

        async def copy(session, event) -> None:
            copies.append(event.data.note_id)

        async def act(session, event) -> None:
            effects.append(event.data.note_id)

        again = reacting(SPOKEN, copy)
        both = {SPOKEN: [*again[SPOKEN], *reacting(SPOKEN, act)[SPOKEN]]}
        await speak(nc, "a")
        await speak(nc, "b")
        async with at_work(consumer.consume(process, nc, "other", both)):
            await until(lambda: _lengths(copies, effects, 2, 2))
            asked = await operations.request_rebuild(
                process, prepared.service, operations.RebuildIn(producer="other")
            )
            assert asked.left == 2
            async with at_work(consumer.rebuild(process, nc, "other", both, again)):
                await until(lambda: _lengths(copies, effects, 4, 2))
                await until(lambda: _no_rebuild(process, prepared.service))
        assert copies == ["a", "b", "a", "b"]

    async def test_type_read_only_since_today_gets_what_was_before(
        self, prepared, concurrent_process, nc
    ):
        process, new = replace(concurrent_process, bus=nc), "other.word.written.v1"
        await speak(nc, "old", event_type=new)
        await speak(nc, "a")
        known = reacting(SPOKEN, on_written)
        async with at_work(consumer.consume(process, nc, "other", known)):
            await until(lambda: heard(process, 1))
        more = known | reacting(new, on_written)
        async with at_work(consumer.consume(process, nc, "other", more)):
            await speak(nc, "b")
            await until(lambda: heard(process, 2))  # but not "old", which lies behind
            await bus.ensure_consumer(
                nc.jetstream(),
                stream="OTHER",
                durable=consumer.rebuild_durable("sample"),
                subjects=consumer.subjects_of(more, "other"),
            )
            async with at_work(consumer.rebuild(process, nc, "other", more, {})):
                await until(lambda: heard(process, 3))
        assert {one.times for one in await rows(process, sa.select(Heard.times))} == {1}

    async def test_operator_asks_and_sees(
        self, concurrent_client, concurrent_process, prepared, nc
    ):
        prepared.app.state.process = replace(concurrent_process, bus=nc)
        admin = token_for("staff", roles=["platform_admin"])
        await speak(nc, "a")
        base = "/api/v1/operations/sample/rebuilds"
        answer = await concurrent_client.post(base, json={"producer": "other"}, headers=admin)
        assert (answer.status_code, answer.json()["left"]) == (202, 1)
        seen = await concurrent_client.get(base, headers=admin)
        assert [one["producer"] for one in seen.json()["rebuilds"]] == ["other"]
        for wrong in ({"producer": "nobody"}, {"producer": "other", "type": "other.x.y.v1"}):
            answer = await concurrent_client.post(base, json=wrong, headers=admin)
            assert answer.status_code == 404
        clerk = token_for("staff", roles=["clerk"])
        assert (await concurrent_client.get(base, headers=clerk)).status_code == 403

    async def test_no_bus_is_said_not_suffered(self, concurrent_client, prepared):
        admin = token_for("staff", roles=["platform_admin"])
        base = "/api/v1/operations/sample/rebuilds"
        answer = await concurrent_client.post(base, json={"producer": "other"}, headers=admin)
        assert answer.status_code == 503


async def _lengths(copies, effects, *wanted):
    return (len(copies), len(effects)) == wanted


async def _no_rebuild(process, service):
    return await operations.rebuilds(process, service) == []


class TestRepublication:
    async def test_present_state_is_told_page_by_page_and_goes_on_after_a_stop(
        self, concurrent_client, concurrent_process, monkeypatch
    ):
        monkeypatch.setattr(republication, "PAGE", 4)
        await write(concurrent_process, 10)
        admin = token_for("staff", roles=["platform_admin"])
        base = "/api/v1/operations/sample/republications"
        before = len(await recorded(concurrent_process))
        asked = await concurrent_client.post(base, headers=admin)
        assert asked.status_code == 202
        keys = (
            len(await recorded(concurrent_process)) - before
        )  # signing keys are few: told at once
        assert keys >= 1

        async def fail(session, row):
            raise RuntimeError

        assert await republish(concurrent_process, COPIED)
        broken = [replace(COPIED[0], publish=fail)]
        with pytest.raises(RuntimeError):
            await republish(concurrent_process, broken)
        seen = (await concurrent_client.get(base, headers=admin)).json()
        assert [(kind["published"], kind["finished_at"]) for kind in seen["kinds"]] == [(4, None)]
        while await republish(concurrent_process, COPIED):
            pass
        (done,) = await rows(concurrent_process, sa.select(tables.republication))
        assert (done.published, done.finished_at is not None) == (10, True)
        assert len(await recorded(concurrent_process)) == before + keys + 10


class TestCommands:
    async def test_one_command_each_tells_again_and_reads_again(
        self, prepared, concurrent_process, databases, nats_url, nc, tmp_path
    ):
        url = await databases.copy(prepared)
        process = bound(concurrent_process, url)
        await write(process, 3)
        before = len(await recorded(process))
        known = prepared.service.settings
        environment = {
            "ONENET_DATABASE_URL": url,
            "ONENET_NATS_URL": nats_url,
            "ONENET_FILES_URL": f"file://{tmp_path}",
            "ONENET_ISSUER": known.issuer,
            "ONENET_KEYS_URL": known.keys_url,
            "ONENET_VAULT_KEYS": known.vault_keys.get_secret_value(),
            "PYTHONPATH": str(Path(__file__).parent),
        }
        said = await _sample("republish", environment=environment)
        assert "note: 3 done" in said
        assert len(await recorded(process)) >= before + 3
        await speak(nc, "a")
        said = await _sample("rebuild", "--producer", "other", environment=environment)
        assert "other: " in said
        assert await heard(process, 1)
        await process.engine.dispose()


async def _sample(*words, environment):
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sample", *words), env=environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    assert child.returncode == 0, said
    return said.decode()
