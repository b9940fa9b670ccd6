"""What the launcher promises about starting, dying and stopping."""

import signal
import socket
import tempfile
import time
from pathlib import Path

import httpx
import psutil
import pytest

from onenet.ports import free_ports
from onenet.state import forget, known_home, read_json
from onenet.story.run import start_launcher, wait_for_platform


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="onenet-e2e-", dir="/var/tmp") as made:
        Path(made).chmod(0o711)
        yield Path(made)
        forget(Path(made) / ".onenet")


@pytest.fixture
def start(folder):
    """Start a launcher on this folder's state; all are stopped when the test ends."""
    launchers = []
    port = free_ports(1)[0]

    def begin(name):
        launchers.append(start_launcher(folder / ".onenet", port, folder / f"{name}.log"))
        return launchers[-1]

    yield begin
    for launcher in launchers:
        launcher.ask_to_stop()
        launcher.wait_or_kill()


def roster(state):
    return read_json(known_home(state).running) or {}


def eventually(look, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to pass")


def living(children):
    return [one["name"] for one in children if _lives(one["pid"], one["born"])]


def _lives(pid, born):
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - born) < 1
    except psutil.NoSuchProcess:
        return False


def listens(address):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(address.rpartition(":")[2]))) == 0


def stages_done(state):
    try:
        return read_json(known_home(state).stages) or []
    except OSError:
        return []


class TestLauncher:
    def test_killed_in_its_first_start_it_is_taken_up_again_and_leaves_nothing(self, folder, start):
        state = folder / ".onenet"
        first = start("first")
        eventually(lambda: "departments" in stages_done(state), seconds=120)
        children = roster(state)["children"]
        assert len(children) == 7
        first.popen.send_signal(signal.SIGKILL)
        first.popen.wait()
        eventually(lambda: not living(children))

        second = start("second")
        base_url = wait_for_platform(second, state)
        told = second.log.read_text()
        assert "The last run did not stop as it should" in told
        assert "interrupted start" in told
        assert httpx.get(f"{base_url}/readyz").status_code == 200
        assert read_json(state / "samples.json")["staff"]

        running = roster(state)
        second.popen.send_signal(signal.SIGINT)
        assert second.popen.wait(60) == 0
        assert living(running["children"]) == []
        assert not any(listens(address) for address in running["addresses"].values())
        assert not (state / "running.json").exists()

        self._third_start(state, start("third"))

    def _third_start(self, state, third):
        """A later start loads nothing, outlives a fallen service, and stops on SIGTERM as well."""
        base_url = wait_for_platform(third, state)
        assert "Divisions" not in third.log.read_text()
        fallen = next(one for one in roster(state)["children"] if one["name"] == "catalog")
        psutil.Process(fallen["pid"]).kill()
        eventually(lambda: "catalog ended" in third.log.read_text())
        eventually(lambda: httpx.get(f"{base_url}/api/v1/items").status_code == 200)
        running = roster(state)
        third.ask_to_stop()
        assert third.popen.wait(60) == 0
        assert living(running["children"]) == []

    def test_data_without_its_secrets_is_one_sentence(self, folder, start):
        (folder / ".onenet" / "pg").mkdir(parents=True)
        launcher = start("only")
        assert launcher.popen.wait(30) == 1
        told = launcher.log.read_text()
        assert "make reset" in told
        assert "Traceback" not in told
