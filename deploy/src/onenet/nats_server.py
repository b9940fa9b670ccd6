"""The NATS server from its wheel, run as a child with JetStream on disk."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

from onenet.children import Child, Supervisor
from onenet.failures import ChildFailed, Unusable
from onenet.ports import HOST, free_ports
from onenet.state import Home, write

BUS: Final = "NATS"
READY_SECONDS: Final = 20

CONFIG: Final = """\
server_name: onenet
listen: "{host}:{port}"
jetstream {{ store_dir: "{folder}" }}
authorization {{ user: onenet, password: "{password}" }}
"""


def start(home: Home, supervisor: Supervisor, password: str) -> str:
    """Start the server; returns its address once it answers."""
    binary = Path(sys.executable).parent / "nats-server"
    if not binary.exists():
        raise Unusable("The program nats-server is not installed: run `make setup`.")
    port = free_ports(1)[0]
    folder = home.place / "nats"
    folder.mkdir(mode=0o700, exist_ok=True)
    config = home.place / "nats.conf"
    write(config, CONFIG.format(host=HOST, port=port, folder=folder, password=password))
    child = supervisor.add(
        Child(
            name=BUS,
            command=[str(binary), "-c", str(config)],
            env={"PATH": os.defpath},
            log=home.log("nats"),
        )
    )
    _wait(supervisor, child, port)
    return f"nats://onenet:{password}@{HOST}:{port}"


def _wait(supervisor: Supervisor, child: Child, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        supervisor.ensure_alive(child)
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    raise ChildFailed(f"NATS does not answer on port {port}; the end of its log:\n{child.tail()}")
