"""Facts a service publishes, as CloudEvents 1.0, and the AsyncAPI document that lists them."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

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
    if parent := traceparent():
        content["traceparent"] = parent
    if sealed:
        content["sealed"] = sealed
    return to_json(content).decode()


def asyncapi(
    service: str, events: Sequence[type[Event]], receives: Sequence[str]
) -> dict[str, Any]:
    """AsyncAPI 3 document of what a service publishes and receives."""
    operations = {f"publish {event.type}": ("send", event.type) for event in events}
    operations |= {f"receive {name}": ("receive", name) for name in sorted(receives)}
    channels: dict[str, dict[str, Any]] = {
        name: {"address": f"onenet.{name}.{{entity_id}}", "parameters": {"entity_id": {}}}
        for _, name in operations.values()
    }
    messages = {}
    for event in events:
        at = f"#/components/messages/{event.type}"
        channels[event.type]["messages"] = {event.type: {"$ref": at}}
        messages[event.type] = {
            "name": event.type,
            "title": (event.__doc__ or event.type).strip().splitlines()[0],
            "contentType": "application/cloudevents+json",
            "payload": event.model_json_schema(ref_template=f"{at}/payload/$defs/{{model}}"),
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": f"{service} events", "version": "1"},
        "channels": channels,
        "operations": {
            title: {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
            for title, (action, name) in operations.items()
        },
        "components": {"messages": messages},
    }
