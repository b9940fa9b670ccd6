"""The operator's own tools on a platform that works: doctor, verify, backup and restore."""

import json
import shutil
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from onenet import databases, postgres
from onenet.audit.references import Reference, compare
from onenet.audit.verifying import pages_of
from onenet.backups import backup, restore
from onenet.children import Supervisor
from onenet.console import Reporter
from onenet.doctor.examining import findings_of
from onenet.doctor.findings import State
from onenet.endpoints import Endpoints, endpoints_of
from onenet.failures import Refusal
from onenet.secret_keys import open_secrets
from onenet.services import SERVICES
from onenet.state import forget, known_home


def not_good(findings):
    return [one for one in findings if one.state is not State.GOOD and one.part != "calendar"]


async def books(places):
    return {one.name: one for one in await pages_of(places, files=True)}


@pytest.fixture(scope="module")
def places(platform):
    return endpoints_of(platform.state)


@pytest.fixture(scope="module")
def copy(platform, tmp_path_factory):
    """A backup of the platform, with the secrets it needs beside it."""
    folder = tmp_path_factory.mktemp("backup") / "today"
    backup(Reporter(), platform.state, folder)
    shutil.copy(known_home(platform.state).secrets, folder.parent / "secrets.json")
    return folder


@contextmanager
def only_database(state):
    """The PostgreSQL of a restored state folder, without the services."""
    home = known_home(state)
    crew = Supervisor(home.running)
    secrets = open_secrets(home, SERVICES)
    server = postgres.prepare(home, secrets.postgres, postgres.server_owner(), print)
    try:
        child = crew.add(server.child(home.log("postgres")))
        databases.wait_until_ready(server.url, still_there=lambda: crew.ensure_alive(child))
        found = {name: databases.database_of(name, server.url, secrets.roles) for name in SERVICES}
        urls = {name: one.app_url for name, one in found.items()}
        yield server.url, Endpoints(urls, "", "", home.place / "files")
    finally:
        crew.stop()


@pytest.fixture(scope="module")
def restored(copy):
    with tempfile.TemporaryDirectory(prefix="onenet-restore-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        state = Path(folder) / ".onenet"
        restore(Reporter(), state, copy, copy.parent / "secrets.json")
        with only_database(state) as opened:
            yield opened
        known_home(state).running.unlink(missing_ok=True)
        forget(state)


_TEXTS = "SELECT n::text AS key FROM generate_series(1, {}) AS n"


@asynccontextmanager
async def tampering(url, database):
    """A connection as superuser, whom no trigger stops."""
    connection = await asyncpg.connect(url.replace("/postgres?", f"/{database}?"))
    try:
        yield connection
    finally:
        await connection.close()


class TestDoctor:
    async def test_a_platform_at_work_has_nothing_wrong(self, places):
        assert not_good(await findings_of(places)) == []

    async def test_a_bus_that_is_away_is_named_with_what_to_do(self, places):
        nobody = replace(places, nats_url="nats://127.0.0.1:9")
        (found,) = not_good(await findings_of(nobody))
        assert (found.part, found.state) == ("bus", State.WRONG)
        assert "Start NATS" in found.do

    async def test_a_database_that_is_away_is_named_and_the_rest_is_still_looked_at(self, places):
        away = {**places.databases, "catalog": "postgresql://x:x@127.0.0.1:9/nothing"}
        findings = await findings_of(replace(places, databases=away))
        (found,) = not_good(findings)
        assert found.part == "database of catalog"
        assert any(one.part == "stream of exchange" for one in findings)

    async def test_a_gateway_that_is_away_is_named(self, places):
        (found,) = not_good(await findings_of(replace(places, base_url="http://127.0.0.1:9")))
        assert found.part == "gateway"


class TestVerify:
    async def test_the_books_of_a_platform_at_work_agree(self, places):
        found = await books(places)
        assert {name: page.examples for name, page in found.items() if page.wrong} == {}
        assert found["copy of person in case"].compared > 0

    async def test_a_comparison_leaves_no_transaction_behind_what_it_did_not_read(self, places):
        few = Reference("few", "case", _TEXTS.format(2), "case", _TEXTS.format(9))
        told = await asyncpg.connect(places.databases["case"])
        known = await asyncpg.connect(places.databases["case"])
        try:
            assert (await compare(told, known, few)).compared == 2
            # Whoever asks next on these connections may begin a transaction of his own.
            assert not told.is_in_transaction()
            assert not known.is_in_transaction()
        finally:
            await told.close()
            await known.close()


class TestBackup:
    async def test_what_is_restored_agrees_with_itself_and_has_every_case(self, restored, places):
        there = await books(restored[1])
        assert {name: page.examples for name, page in there.items() if page.wrong} == {}
        assert there["copy of item in case"].compared > 0

    async def test_a_changed_ledger_entry_is_found_where_it_is(self, restored):
        url, places = restored
        async with tampering(url, "onenet_exchange") as connection:
            await connection.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ALL")
            await connection.execute(
                "INSERT INTO ledger_entry (position, previous, hash, content) SELECT"
                " coalesce(max(position), 0) + 1, 'x', 'y', '{}'::jsonb FROM ledger_entry"
            )
        assert (await books(places))["hash chain of the access ledger"].wrong == 1

    async def test_a_copy_that_is_behind_and_a_lost_file_are_found(self, restored):
        url, places = restored
        async with tampering(url, "onenet_case") as connection:
            await connection.execute("UPDATE staff_member SET version = version + 1")
            await connection.execute(
                "INSERT INTO stored_file VALUES (gen_random_uuid(), 'no/such.bin',"
                " gen_random_uuid(), '', 1, 'application/pdf', '', now())"
            )
        found = await books(places)
        assert found["copy of staff in case"].wrong > 0
        assert found["files and their digests"].examples == ["no/such.bin"]

    def test_a_damaged_backup_is_refused_before_anything_is_touched(self, copy, tmp_path):
        damaged = tmp_path / "damaged"
        shutil.copytree(copy, damaged)
        with (damaged / "files.tar").open("ab") as file:
            file.write(b"x")
        with pytest.raises(Refusal, match=r"damaged \(files\.tar\)"):
            restore(Reporter(), tmp_path / "state", damaged, None)
        assert not (tmp_path / "state").exists()

    def test_secrets_of_another_platform_are_refused(self, copy, tmp_path):
        other = tmp_path / "secrets.json"
        other.write_text(json.dumps({}))
        with pytest.raises(Refusal, match="another platform"):
            restore(Reporter(), tmp_path / "state", copy, other)

    def test_data_that_is_there_is_never_overwritten(self, copy, tmp_path):
        (tmp_path / "state" / "pg").mkdir(parents=True)
        (tmp_path / "state" / "secrets.json").write_text("{}")
        with pytest.raises(Refusal, match="has data already"):
            restore(Reporter(), tmp_path / "state", copy, None)

    def test_a_backup_never_replaces_another(self, platform, copy):
        with pytest.raises(Refusal, match="is there already"):
            backup(Reporter(), platform.state, copy)
