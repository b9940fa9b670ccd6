"""The shipped configuration: it is sound, says what the gateway says, and is not narrower."""

import asyncio
import json
import re
import subprocess
import time

import pytest

import gateway.errors
from chassis.errors import ServiceError
from gateway.settings import GatewaySettings

from .front import BINARY, CONFIGURATION, free_port, running, write_configuration

ROOT = CONFIGURATION.parents[1]
SHIPPED = (CONFIGURATION / "onenet.conf").read_text()
UNITS = {"s": 1, "k": 1024, "m": 1024**2}
DEFAULTS = {name: field.default for name, field in GatewaySettings.model_fields.items()}


def number(directive: str) -> int:
    """The number a directive ends with, in seconds or bytes."""
    (value, unit) = re.findall(rf"^\s*{directive} (\d+)([skm]?);", SHIPPED, re.MULTILINE)[0]
    return int(value) * UNITS.get(unit, 1)


def test_nginx_accepts_the_configuration(folder):
    write_configuration(folder, free_port(), {})
    command = [BINARY, "-t", "-c", str(folder / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


PLACES = [
    (ROOT / "k8s/services/gateway/upstream.conf", ROOT / f"k8s/overlays/{one}/trusted-proxies.conf")
    for one in ("dev", "production")
]
COMPOSE = tuple(CONFIGURATION / "site" / name for name in ("upstream.conf", "trusted-proxies.conf"))


@pytest.mark.parametrize("site", [*PLACES, COMPOSE], ids=["dev", "production", "compose"])
def test_nginx_accepts_what_differs_by_place(folder, site):
    if site is COMPOSE and version() < (1, 27, 3):
        pytest.skip("this nginx does not know `server … resolve`; compose's image does")
    write_configuration(folder, free_port(), {})
    for path in site:
        (folder / "site" / path.name).write_text(path.read_text())
    command = [BINARY, "-t", "-c", str(folder / "nginx.conf")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def version() -> tuple[int, ...]:
    done = subprocess.run([BINARY, "-v"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"nginx/([\d.]+)", done.stderr)[0].split("."))


def test_no_limit_is_narrower_than_the_gateways():
    assert number("client_max_body_size") >= DEFAULTS["upload_bytes"]
    assert number("proxy_read_timeout") > DEFAULTS["upload_deadline_seconds"]
    assert number("limit_conn addresses") >= DEFAULTS["client_concurrency"]
    assert number("limit_conn everyone") >= DEFAULTS["concurrency"]


def failures(kind: type[ServiceError]) -> dict[tuple[str, int], type[ServiceError]]:
    found = {(kind.slug, kind.status): kind}
    for one in kind.__subclasses__():
        found = failures(one) | found
    return found


def test_refusals_are_those_of_the_platform():
    """Slug, status and title of each problem are the gateway's, in both languages."""
    assert gateway.errors
    known = failures(ServiceError)
    texts = [json.loads(text) for text in re.findall(r"'(\{.*\})'", SHIPPED)]
    assert len(texts) == 16
    for english, chinese in zip(texts[::2], texts[1::2], strict=True):
        for content, language in ((english, "en"), (chinese, "zh")):
            slug = content["type"].removeprefix("urn:onenet:problem:")
            assert content["title"] == known[slug, content["status"]]().title(language)


@pytest.mark.parametrize(
    ("asked", "language", "title"),
    [
        ("en-GB,zh;q=0.5", "en", "Not found"),
        ("zh-CN,en;q=0.9", "zh-CN", "没有找到"),
        ("fr", "zh-CN", "没有找到"),
    ],
)
async def test_refusals_speak_the_readers_language(front, asked, language, title):
    edge = await front()
    received = await edge.get("/metrics", f"Accept-Language: {asked}")
    assert received.startswith("HTTP/1.1 404")
    assert f"Content-Language: {language}\r\n" in received
    assert title in received
    assert edge.upstream.seen == []


async def test_nobody_reads_a_refusal_without_being_refused(front):
    edge = await front()
    assert (await edge.get("/.refusal/400")).startswith("HTTP/1.1 404")


async def test_answers_of_the_gateway_pass_as_they_are(front):
    edge = await front()

    async def refuses(request, reader, writer):
        writer.write(
            b"HTTP/1.1 503 Away\r\nContent-Type: application/problem+json\r\n"
            b"X-Request-Id: mine\r\nRetry-After: 9\r\nContent-Length: 6\r\n\r\n{'a':1}"[:-1]
        )
        await writer.drain()
        return True

    edge.upstream.answers["/api/v1/calendar"] = refuses
    received = await edge.get("/api/v1/calendar")
    assert received.count("X-Request-Id") == received.count("Retry-After: 9") == 1
    assert received.endswith("\r\n\r\n{'a':1")


async def test_a_gateway_that_is_away_or_late_is_said_so(front, folder):
    edge = await front(proxy_read_timeout="1s")

    async def is_late(request, reader, writer):
        await reader.read(1)
        return False

    edge.upstream.answers["/api/v1/calendar"] = is_late
    received = await edge.get("/api/v1/calendar")
    assert received.startswith("HTTP/1.1 504")
    assert "urn:onenet:problem:deadline-exceeded" in received
    async with running(folder / "away", upstream_port=free_port()) as edge:
        received = await edge.get("/api/v1/tasks")
        assert received.startswith("HTTP/1.1 503")
        assert "Retry-After: 5\r\n" in received
        assert (await edge.say(LIVEZ, port=edge.probe)).startswith("HTTP/1.1 200")


LIVEZ = "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def test_progress_is_written_through_at_once(front):
    edge = await front()
    more = asyncio.Event()

    async def streams(request, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await more.wait()
        return False

    target = "/api/v1/cases/0198c0de/stream"
    edge.upstream.answers[target] = streams
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    began = time.monotonic()
    await asyncio.wait_for(reader.readuntil(b"data: 1\n\n"), 2)
    assert time.monotonic() - began < 1
    more.set()
    writer.transport.abort()


async def test_a_connection_to_the_gateway_is_kept_for_the_next_client(front):
    edge = await front(worker_processes="1")
    for _ in range(5):
        await edge.get("/api/v1/tasks")
    assert len(edge.upstream.seen) == 5
    assert len(edge.upstream.open) == 1
