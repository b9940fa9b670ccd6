"""Children stop when asked, are restarted when they fall, and never outlive their launcher."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from onenet import children
from onenet.children import Child, Supervisor
from onenet.failures import ChildFailed, PortTaken
from onenet.ports import HOST, ensure_free, free_ports, listening
from onenet.state import read_json

SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
STUBBORN = [
    *(sys.executable, "-S", "-c"),
    "import signal as s, time; s.signal(15, s.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
]
FALLING = [sys.executable, "-S", "-c", "print('cannot go on', flush=True); raise SystemExit(3)"]


def child(tmp_path, command, name="one", **changes):
    return Child(name, command, {"PATH": os.defpath}, tmp_path / f"{name}.log", **changes)


@pytest.fixture
def supervisor(tmp_path):
    supervisor = Supervisor(tmp_path / "running.json")
    yield supervisor
    supervisor.stop()


def eventually(look):
    deadline = time.monotonic() + 10
    while not look() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert look()


class TestCrew:
    def test_stops_gateway_first_and_the_database_last(self, supervisor, tmp_path, monkeypatch):
        for name in ("NATS", "PostgreSQL", "identity", "gateway"):
            supervisor.add(child(tmp_path, SLEEPER, name))
        order = []
        plain = Child.ask_to_stop
        monkeypatch.setattr(Child, "ask_to_stop", lambda one: (order.append(one.name), plain(one)))
        assert supervisor.stop() == []
        assert order == ["gateway", "identity", "NATS", "PostgreSQL"]
        assert not any(one.is_alive() for one in supervisor.children)
        assert not supervisor.roster.exists()

    def test_names_whom_it_had_to_kill(self, supervisor, tmp_path):
        deaf = supervisor.add(child(tmp_path, STUBBORN, grace_seconds=0.3))
        eventually(lambda: "deaf" in deaf.tail())
        assert supervisor.stop() == ["one"]
        assert not deaf.is_alive()

    def test_restarts_whoever_fell_with_a_sentence(self, supervisor, tmp_path):
        one = supervisor.add(child(tmp_path, SLEEPER))
        before = one.pid
        os.kill(before, signal.SIGKILL)
        eventually(lambda: not one.is_alive())
        told = []
        supervisor.restart_ended(told.append)
        assert one.is_alive()
        assert one.pid != before
        assert told == ["one ended (killed by SIGKILL) and is started again."]

    def test_gives_up_on_whoever_keeps_falling(self, supervisor, tmp_path):
        one = supervisor.add(child(tmp_path, FALLING))

        def tend_for_ever():
            while True:
                eventually(lambda: not one.is_alive())
                supervisor.restart_ended(lambda _: None)

        with pytest.raises(ChildFailed, match="cannot go on"):
            tend_for_ever()
        assert len(one.starts) == children.RESTARTS + 1

    def test_the_roster_names_who_runs(self, supervisor, tmp_path):
        one = supervisor.add(child(tmp_path, SLEEPER))
        roster = read_json(supervisor.roster)
        assert [(entry["name"], entry["pid"]) for entry in roster["children"]] == [("one", one.pid)]


class TestReplacement:
    def test_the_old_one_goes_when_the_new_one_is_ready(self, supervisor, tmp_path):
        old = supervisor.add(child(tmp_path, SLEEPER))
        new = child(tmp_path, SLEEPER)
        alive = []
        assert supervisor.replace(
            old, new, lambda _: alive.append(old.is_alive()) or len(alive) > 1
        )
        assert alive == [True, True]
        assert supervisor.children == [new]
        assert (old.is_alive(), new.is_alive()) == (False, True)
        assert [one["pid"] for one in read_json(supervisor.roster)["children"]] == [new.pid]

    def test_the_old_one_stays_when_the_new_one_falls(self, supervisor, tmp_path):
        old = supervisor.add(child(tmp_path, SLEEPER))
        with pytest.raises(ChildFailed, match="cannot go on"):
            supervisor.replace(old, child(tmp_path, FALLING), lambda _: False)
        assert supervisor.children == [old]
        assert old.is_alive()

    def test_both_listen_to_a_socket_handed_down(self, supervisor, tmp_path):
        answer = (
            "import os, socket, sys; s = socket.socket(fileno=int(sys.argv[1]))\n"
            "while True: s.accept()[0].sendall(str(os.getpid()).encode())"
        )
        with listening() as shared:
            fd = shared.fileno()
            command = [sys.executable, "-S", "-c", answer, str(fd)]
            old = supervisor.add(child(tmp_path, command, handed_down=fd))
            assert _answer_of(shared) == old.pid
            new = child(tmp_path, command, handed_down=fd)
            assert supervisor.replace(old, new, lambda one: one.is_alive())
            assert _answer_of(shared) == new.pid


def _answer_of(shared):
    with socket.create_connection(shared.getsockname(), timeout=10) as asking:
        return int(asking.recv(20))


class TestLeftovers:
    def test_ends_what_a_killed_launcher_left(self, supervisor, tmp_path):
        one = supervisor.add(child(tmp_path, SLEEPER))
        assert children.end_leftovers(supervisor.roster) == ["one"]
        eventually(lambda: not one.is_alive())

    def test_never_touches_a_process_that_only_has_the_same_number(self, supervisor, tmp_path):
        one = supervisor.add(child(tmp_path, SLEEPER))
        text = supervisor.roster.read_text()
        born = read_json(supervisor.roster)["children"][0]["born"]
        supervisor.roster.write_text(text.replace(str(born), str(born - 100)))
        assert children.end_leftovers(supervisor.roster) == []
        assert one.is_alive()

    @pytest.mark.parametrize("content", ["", "{", '{"children": [{"name": "x"}]}', "[]"])
    def test_a_half_written_roster_is_no_obstacle(self, tmp_path, content):
        roster = tmp_path / "running.json"
        roster.write_text(content)
        assert children.end_leftovers(roster) == []

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
    def test_children_die_with_a_killed_launcher(self, tmp_path):
        program = textwrap.dedent(f"""
            import pathlib, sys, time
            from onenet.children import Child, Supervisor
            supervisor = Supervisor(pathlib.Path({str(tmp_path / "running.json")!r}))
            log = pathlib.Path({str(tmp_path / "one.log")!r})
            print(supervisor.add(Child("one", {SLEEPER!r}, {{}}, log)).pid, flush=True)
            time.sleep(60)
        """)
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as launcher:
            pid = int(launcher.stdout.readline())
            assert psutil.pid_exists(pid)
            launcher.kill()
        eventually(lambda: not _lives(pid))


def _lives(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class TestLogs:
    def test_a_long_log_makes_room_once(self, tmp_path, monkeypatch):
        monkeypatch.setattr(children, "LOG_BYTES", 10)
        log = tmp_path / "one.log"
        log.write_text("x" * 11)
        children.rotate(log)
        assert not log.exists()
        assert (tmp_path / "one.log.1").read_text() == "x" * 11


class TestPorts:
    def test_a_taken_port_names_its_holder(self):
        with socket.socket() as holder:
            holder.bind((HOST, 0))
            holder.listen()
            port = holder.getsockname()[1]
            with pytest.raises(PortTaken, match=f"Port {port} is in use.*PORT={port + 1}"):
                ensure_free(port)

    def test_a_free_port_is_free(self):
        ensure_free(free_ports(1)[0])

    def test_free_ports_differ(self):
        assert len(set(free_ports(20))) == 20
