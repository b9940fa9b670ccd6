"""Facts a service publishes, as CloudEvents 1.0, and the bus that carries them."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from chassis.telemetry import traceparent

TYPE_PATTERN = re.compile(r"^[a-z]+(\.[a-z_]+){1,2}\.v\d+$")
MAX_ENVELOPE_BYTES = 900_000  # NATS refuses messages over 1 MB; the rest is headroom for headers


class Event(BaseModel):
    """A fact, past tense: `type` is `{service}.{noun}.{past participle}.v{n}`.

    `key` names the field that holds the entity's id, over which `sequence` is gap-free.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]
    key: ClassVar[str]

    def entity_id(self) -> str:
        return str(getattr(self, self.key))


class SigningKeyPublished(BaseModel):
    """The public half of a service's signing key; identity serves it in its JWKS."""

    model_config = ConfigDict(extra="ignore")

    kid: str
    jwk: dict[str, str]
    retired_at: datetime | None = None


def subject_of(event_type: str, entity_id: str) -> str:
    """The NATS subject; characters that mean something to NATS are replaced by `_`."""
    return f"onenet.{event_type}.{re.sub(r'[^0-9A-Za-z_-]', '_', entity_id)}"


def service_of(event_type: str) -> str:
    return event_type.split(".", 1)[0]


def stream_of(service: str) -> str:
    return service.upper()


def envelope(
    event: Event,
    *,
    event_id: UUID,
    sequence: int,
    moment: datetime,
    sealed: Mapping[str, Mapping[str, str]],
) -> str:
    """The message as it goes over the wire, JSON text."""
    content: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": f"/onenet/{service_of(event.type)}",
        "type": event.type,
        "subject": event.entity_id(),
        "time": moment.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"urn:onenet:event:{event.type}",
        "sequence": sequence,
        "data": event,
    }
    if came_with := traceparent():
        content["traceparent"] = came_with
    if sealed:
        content["sealed"] = sealed
    return to_json(content).decode()


def asyncapi(service: str, events: list[type[Event]], receives: list[str]) -> dict[str, Any]:
    """AsyncAPI 3 document of what a service publishes and receives."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for event in sorted(events, key=lambda one: one.type):
        name = event.type
        messages[name] = {
            "name": name,
            "title": (event.__doc__ or name).strip().splitlines()[0],
            "contentType": "application/cloudevents+json",
            "payload": event.model_json_schema(
                ref_template=f"#/components/messages/{name}/payload/$defs/{{model}}"
            ),
        }
        channels[name] = {
            "address": f"onenet.{name}.{{entity_id}}",
            "parameters": {"entity_id": {}},
            "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        }
        operations[f"publish {name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
        }
    for name in sorted(receives):
        channels.setdefault(
            name, {"address": f"onenet.{name}.{{entity_id}}", "parameters": {"entity_id": {}}}
        )
        operations[f"receive {name}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"{service} events", "version": "1"},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


DUPLICATE_WINDOW_SECONDS = 600
ACK_WAIT_SECONDS = 30
HELD = 256
BATCH = 128
ASKED_SECONDS = 30
BEAT_SECONDS = 1
# A connection that is only half alive is noticed after three of these.
PING_SECONDS = 10


async def connect(url: str, *, name: str, bus: Client | None = None) -> Client:
    """A connection that keeps trying for ever; JetStream calls fail until it is there."""
    bus = bus or Client()
    await bus.connect(
        url,
        name=name,
        inbox_prefix=f"_INBOX_{name}",  # nobody else may listen to its answers
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.5,  # type: ignore[arg-type]  # taken as it is
        connect_timeout=5,
        ping_interval=PING_SECONDS,
        error_cb=quiet,
    )
    return bus


async def reached(nc: Client, seconds: float) -> None:
    """Return once the server has done all this client has asked of it so far; raises NatsError.

    A message of our own comes back behind it. flush() will not do: it overtakes what still waits
    to be written, and when its answer is late, the client stops reading for good.
    """
    echo = await nc.subscribe(nc.new_inbox(), max_msgs=1)
    try:
        await nc.publish(echo.subject, b"")
        await echo.next_msg(seconds)
    finally:
        await echo.unsubscribe()


async def ensure_stream(
    js: JetStreamContext, service: str, *, replicas: int = 1, days: int = 366
) -> StreamInfo:
    """Create or update the stream that `service` alone writes."""
    config = StreamConfig(
        name=stream_of(service),
        subjects=[f"onenet.{service}.>"],
        duplicate_window=DUPLICATE_WINDOW_SECONDS,
        num_replicas=replicas,
        max_age=days * 86400,
    )
    try:
        found = await js.stream_info(stream_of(service))
    except NotFoundError:
        return await js.add_stream(config)
    if (found.config.num_replicas, found.config.max_age) != (replicas, config.max_age):
        return await js.update_stream(config)
    return found


async def ensure_consumer(
    js: JetStreamContext, *, stream: str, durable: str, subjects: Sequence[str]
) -> ConsumerInfo:
    """Create or update a durable; `pull_subscribe` would ignore changes to an existing one."""
    return await js.add_consumer(
        stream,
        ConsumerConfig(
            durable_name=durable,
            filter_subjects=sorted(subjects),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_SECONDS,
            max_deliver=-1,
            max_ack_pending=HELD,
        ),
    )


async def quiet(_: Exception) -> None:
    """Reconnecting is the client's business; readiness and the backlog metric tell operators."""


class Pull:
    """A standing request: messages come as they are published, without a round trip between."""

    def __init__(self, nc: Client, stream: str, durable: str) -> None:
        self.nc, self.inbox = nc, nc.new_inbox()
        self.subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self.held: list[Msg] = []
        self.asked = 0
        self.ended = ""
        self.arrived = asyncio.Event()

    async def hear(self, message: Msg) -> None:
        if message.reply:
            self.held.append(message)
            self.asked -= 1
        elif (said := message.headers or {})["Status"] in ("404", "408"):
            self.asked -= int(said.get("Nats-Pending-Messages", self.asked))
        elif said["Status"] != "100":  # a heartbeat
            self.ended = str(said.get("Description", said["Status"]))
        self.arrived.set()

    async def batch(self) -> list[Msg]:
        """What is there, none after a heartbeat; raises when the server fell silent."""
        if self.asked < HELD // 2:
            wanted = {
                "batch": HELD - self.asked,
                "expires": ASKED_SECONDS * 10**9,
                "idle_heartbeat": BEAT_SECONDS * 10**9,
            }
            self.asked = HELD
            await self.nc.publish(self.subject, json.dumps(wanted).encode(), self.inbox)
        if not self.held:
            self.arrived.clear()
            async with asyncio.timeout(BEAT_SECONDS * 2.5):
                await self.arrived.wait()
        if self.ended:
            raise NatsError(self.ended)
        return self.held[:BATCH]

    async def give_back(self, subscription: Subscription) -> None:
        """Let others have at once what this process will not finish."""
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            # Not drain(): its flush() would overtake the UNSUB, which still waits to be written,
            # and what is sent in between would be lost for thirty seconds.
            await self.nc._send_unsubscribe(subscription._id)  # noqa: SLF001
            await reached(self.nc, 1)
            for message in self.held:
                if not message.is_acked:
                    await message.nak()
            await subscription.unsubscribe()


@contextlib.asynccontextmanager
async def pulling(nc: Client, stream: str, durable: str) -> AsyncIterator[Pull]:
    pull = Pull(nc, stream, durable)
    subscription = await nc.subscribe(pull.inbox, cb=pull.hear)
    try:
        yield pull
    finally:
        await pull.give_back(subscription)
