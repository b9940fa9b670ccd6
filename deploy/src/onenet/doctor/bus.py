"""The bus: every stream and every consumer exists and is configured as the code requires."""

from importlib import import_module
from typing import Any, Final

import nats
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from chassis.events import service_of, stream_of
from chassis.subscriptions import merged, producers
from onenet.describe import settings_class
from onenet.doctor.findings import Finding, good, notice, wrong
from onenet.endpoints import Endpoints
from onenet.services import SERVICES, package_of

LAG: Final = 1_000
STUCK: Final = 50


async def examine(endpoints: Endpoints) -> list[Finding]:
    try:
        connection = await nats.connect(
            endpoints.nats_url, connect_timeout=5, max_reconnect_attempts=1, error_cb=_quiet
        )
    except (NatsError, OSError, TimeoutError) as error:
        do = "Start NATS or mend its address: runbook RelayStandsStill."
        return [wrong("bus", "answers", type(error).__name__, do)]
    try:
        js = connection.jetstream()
        found = [await examine_stream(js, service) for service in SERVICES]
        for service in SERVICES:
            found += await examine_consumers(js, service)
    finally:
        await connection.close()
    return found


async def _quiet(_: Exception) -> None:
    """The finding reports the error."""


async def examine_stream(js: JetStreamContext, service: str) -> Finding:
    part = f"stream of {service}"
    try:
        found = await js.stream_info(stream_of(service))
    except NotFoundError:
        do = f"Start {service}: its relay makes the stream and publishes what rows it still holds."
        return wrong(part, "there", "missing", do)
    replicas = (found.cluster.replicas if found.cluster else None) or []
    behind = [one.name for one in replicas if not one.current]
    if behind:
        do = "Let the nodes catch up; if they do not, replace the node's volume."
        return notice(part, "copies", f"behind: {', '.join(map(str, behind))}", do)
    return good(part, "there", f"{found.state.messages} events, {found.config.num_replicas} copies")


async def examine_consumers(js: JetStreamContext, service: str) -> list[Finding]:
    wanted = subjects_of(service)
    found = []
    for producer, subjects in wanted.items():
        part = f"{service} reading {producer}"
        try:
            info = await js.consumer_info(stream_of(producer), service)
        except NotFoundError:
            do = f"Start a worker of {service}: it makes the consumer and reads from the beginning."
            found.append(wrong(part, "there", "missing", do))
            continue
        found += [examine_coverage(part, service, info, subjects), examine_lag(part, info)]
    return found


def subjects_of(service: str) -> dict[str, set[str]]:
    """Subjects by producer, as the rooms of the service subscribe to them."""
    rooms = import_module(f"{package_of(service)}.main")
    # Composed without addresses and secrets; nothing is started.
    composed = rooms.create_service(settings_class(service).model_construct())
    reactions = merged(composed.subscriptions)
    return {
        producer: {f"onenet.{one}.*" for one in reactions if service_of(one) == producer}
        for producer in producers(reactions)
    }


def examine_coverage(part: str, service: str, info: Any, subjects: set[str]) -> Finding:
    present = set(info.config.filter_subjects or [info.config.filter_subject])
    missing = sorted(subjects - present)
    if missing:
        do = f"Restart the workers of {service}: a newer release reads more than this consumer."
        return wrong(part, "subjects", f"without {', '.join(missing)}", do)
    return good(part, "subjects", str(len(present)))


def examine_lag(part: str, info: Any) -> Finding:
    said = f"{info.num_pending} not read, {info.num_ack_pending} in hand"
    if info.num_redelivered and info.num_redelivered > STUCK:
        do = "Handlers keep failing: look into the worker's log for handler_failed."
        return notice(part, "lag", f"{said}, {info.num_redelivered} repeated", do)
    if info.num_pending and info.num_pending > LAG:
        do = "Events come faster than they are read: more workers do not help, look for a slow one."
        return notice(part, "lag", said, do)
    return good(part, "lag", said)
