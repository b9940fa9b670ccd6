"""Loopback ports: check that one is free, and find free ones."""

import errno
import socket
from contextlib import ExitStack
from secrets import randbelow

import psutil

from onenet.failures import PortForbidden, PortTaken

HOST = "127.0.0.1"
LOWEST, HIGHEST = 20_000, 32_000
TRIES = 50


def ensure_free(port: int) -> None:
    """Raises PortTaken, with the holder's name where the system tells it."""
    with socket.socket() as probe:
        # Connections of an earlier run in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise PortForbidden(port) from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(port, holder_of(port)) from None


def holder_of(port: int) -> str | None:
    """`name (pid)` of the process that listens on the port, where the system tells it."""
    try:
        found = psutil.net_connections("tcp")
        pids = [
            one.pid
            for one in found
            if one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN
        ]
        pid = next((one for one in pids if one), None)
        return f"{psutil.Process(pid).name()} (process {pid})" if pid else None
    except psutil.Error:
        return None


def free_ports(count: int) -> list[int]:
    """Distinct free ports; each is bound until the last is found.

    They lie below the ephemeral range, so that no outgoing connection takes one of them before its
    server listens.
    """
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        return [_bound(probe) for probe in probes]


def _bound(probe: socket.socket) -> int:
    for _ in range(TRIES):
        try:
            probe.bind((HOST, LOWEST + randbelow(HIGHEST - LOWEST)))
            break
        except OSError:
            continue
    else:
        probe.bind((HOST, 0))
    return int(probe.getsockname()[1])


def listening() -> socket.socket:
    """A listening socket that is handed from one process to its successor."""
    found = socket.socket()
    found.bind((HOST, 0))
    found.listen(2048)
    return found
