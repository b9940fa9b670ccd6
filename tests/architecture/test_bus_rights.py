"""The users of the bus may do their work and nothing else: tried on a real server."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from nats.errors import TimeoutError as NoAnswer

from chassis.events import service_of as producer_of
from chassis.events import stream_of
from chassis.messaging import bus as bus_client
from chassis.subscriptions import Reactions, merged, producers
from chassis.testing.servers import free_port
from chassis.testing.settings import settings_of

from .manifests import K8S, SERVICES

PASSWORD = "p1e5"


@pytest.fixture
def bus(tmp_path):
    """NATS with the users of nats.conf, alone."""
    port = free_port()
    text = (K8S / "infra/nats/nats.conf").read_text()
    text = re.sub(r"\ncluster \{.*?\n\}\n", "\n", text, flags=re.DOTALL)
    text = text.replace("0.0.0.0:4222", f"127.0.0.1:{port}").replace("/data", str(tmp_path))
    config = tmp_path / "nats.conf"
    config.write_text(text.replace('http: "0.0.0.0:8222"', ""))
    users = {f"{name.upper()}_PASSWORD": PASSWORD for name in (*SERVICES, "gateway", "operator")}
    binary = Path(sys.executable).parent / "nats-server"
    with subprocess.Popen(
        [binary, "-c", config], env={"POD_NAME": "nats-0", **users}, stderr=subprocess.DEVNULL
    ) as server:
        yield f"127.0.0.1:{port}"
        server.terminate()


def reactions_of(service: str) -> Reactions:
    create = import_module(f"{service}_svc.main").create_service
    return merged(create(settings_of(create)).subscriptions)


async def test_bus_users_may_do_their_work_and_nothing_else(bus):
    names = (*SERVICES, "gateway")
    clients = {
        one: await bus_client.connect(f"nats://{one}:{PASSWORD}@{bus}", name=one) for one in names
    }
    streams = {one: client.jetstream(timeout=2) for one, client in clients.items()}
    for one in SERVICES:
        await bus_client.ensure_stream(streams[one], one)
    for one in SERVICES:
        reactions = reactions_of(one)
        for producer in producers(reactions):
            subjects = [f"onenet.{name}.*" for name in reactions if producer_of(name) == producer]
            await reads(streams[one], streams[producer], one, stream_of(producer), subjects)
    for one in names:
        for other in set(SERVICES) - {one}:
            with pytest.raises(NoAnswer):
                await streams[one].publish(f"onenet.{other}.x.y.v1.z", b"{}", timeout=0.2)
    with pytest.raises(NoAnswer):
        await clients["case"].request("$JS.API.STREAM.DELETE.IDENTITY", b"", timeout=0.2)
    for client in clients.values():
        await client.close()


async def reads(mine, theirs, durable: str, stream: str, subjects: list[str]) -> None:
    await bus_client.ensure_stream(mine, stream.lower())
    await bus_client.ensure_consumer(mine, stream=stream, durable=durable, subjects=subjects)
    subscription = await mine.pull_subscribe_bind(consumer=durable, stream=stream)
    await theirs.publish(subjects[0].replace("*", "entity"), b"{}", stream=stream)
    (message,) = await subscription.fetch(1, timeout=2)
    await message.ack_sync(timeout=2)
