"""Rows 1–3: the gateway against nginx, against the usual Python proxy, against an empty answer.

The process under test has core 0 to itself, loader and upstream share core 1: figures are per core.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import psutil

from ..bench import PYTHON, Bench, cpu_seconds, free_port, uvicorn
from ..frame import Outcome, Row, ratio_outcome
from ..loader import Request
from ..platforms import UNLIMITED
from ..promises import CACHED, PROXIED_NGINX, PROXIED_PLAIN, Promise
from ..servers import nats_server
from ..tokens import ISSUER, Signer

UNDER_TEST, BESIDE = 0, 1
# About what a browser sends besides its token.
BROWSER = {
    "Accept": "application/json",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.6",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/144.0 (bench)",
    "Referer": f"{ISSUER}/cases/0190f3a2-0000-7000-8000-000000000000",
    "Sec-Fetch-Mode": "cors",
}
CASE = "/api/v1/cases/0190f3a2-0000-7000-8000-000000000000"
ITEM = "/api/v1/items/1"
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  keepalive_requests 1000000;
  upstream service {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""
# The usual recipe now and then takes up a connection that is just being closed.
TOLERATED = 3


@dataclass(frozen=True)
class Gateway:
    base_url: str
    process: psutil.Process
    upstream: int
    token: str


@contextlib.asynccontextmanager
async def gateway(bench: Bench) -> AsyncIterator[Gateway]:
    """The gateway by its command line, with a bus, one upstream in the place of every service."""
    signer, upstream, port = Signer(), free_port(), free_port()
    address = f"http://127.0.0.1:{upstream}"
    base_url = f"http://127.0.0.1:{port}"
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(
            bench.process(
                uvicorn("tests.load.baselines.bare:upstream", upstream),
                cpu=BESIDE,
                env={"BENCH_JWKS": signer.jwks},
                ready=f"{address}/readyz",
            )
        )
        nats_url = await stack.enter_async_context(nats_server(free_port()))
        settings = {
            **UNLIMITED,
            "ONENET_ISSUER": ISSUER,
            "ONENET_KEYS_URL": f"{address}/.well-known/jwks.json",
            "ONENET_NATS_URL": nats_url,
            "ONENET_PORT": str(port),
            **{
                f"ONENET_{name}_URL": address
                for name in ("CATALOG", "CASE", "IDENTITY", "EXCHANGE")
            },
        }
        process = await stack.enter_async_context(
            bench.process(
                [PYTHON, "-m", "gateway", "serve"],
                cpu=UNDER_TEST,
                env=settings,
                ready=f"{base_url}/livez",
            )
        )
        token = signer.token("citizen", level="L2", scope="openid")
        yield Gateway(base_url, process, upstream, token)


@contextlib.asynccontextmanager
async def nginx(bench: Bench, upstream: int) -> AsyncIterator[str]:
    port = free_port()
    path = bench.folder / f"nginx-{port}.conf"
    path.write_text(NGINX.format(folder=bench.folder, upstream=upstream, port=port))
    command = ["nginx", "-c", str(path), "-p", str(bench.folder)]
    address = f"http://127.0.0.1:{port}"
    async with bench.process(command, cpu=UNDER_TEST, ready=address):
        yield address


@contextlib.asynccontextmanager
async def plain_proxy(bench: Bench, upstream: int) -> AsyncIterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = uvicorn("tests.load.baselines.plain_proxy:app", port)
    env = {"UPSTREAM": f"http://127.0.0.1:{upstream}"}
    async with bench.process(command, cpu=UNDER_TEST, env=env, ready=f"{address}/x"):
        yield address


@contextlib.asynccontextmanager
async def empty_answer(bench: Bench, _: int) -> AsyncIterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = uvicorn("tests.load.baselines.bare:empty", port)
    async with bench.process(command, cpu=UNDER_TEST, ready=address):
        yield address


Baseline = Callable[[Bench, int], AbstractAsyncContextManager[str]]


async def compare(
    bench: Bench, promise: Promise, baseline: Baseline, path: str, *, signed_in: bool
) -> Sequence[Outcome]:
    async with gateway(bench) as ours, baseline(bench, ours.upstream) as theirs:
        token = {"Authorization": f"Bearer {ours.token}"} if signed_in else {}
        request = Request(path, headers=BROWSER | token)
        tolerated = TOLERATED if baseline is plain_proxy else 0
        costs: list[float] = []

        async def rate(address: str) -> float:
            load = await bench.load(address, [request], cpu=BESIDE, tolerated=tolerated)
            return load.requests_per_second

        async def through_the_gateway() -> float:
            before, began = cpu_seconds(ours.process), time.monotonic()
            requests_per_second = await rate(ours.base_url)
            spent = cpu_seconds(ours.process) - before
            costs.append(spent / (requests_per_second * (time.monotonic() - began)))
            return requests_per_second

        await bench.load(ours.base_url, [request], seconds=1)  # warm
        rounds = await bench.alternate(through_the_gateway, lambda: rate(theirs))
        notes = f"{min(costs) * 1e6:.0f} µs CPU a request in the gateway"
        return [ratio_outcome(promise, "req/s", rounds, notes=notes)]


async def against_nginx(bench: Bench) -> Sequence[Outcome]:
    return await compare(bench, PROXIED_NGINX, nginx, CASE, signed_in=True)


async def against_plain_proxy(bench: Bench) -> Sequence[Outcome]:
    return await compare(bench, PROXIED_PLAIN, plain_proxy, CASE, signed_in=True)


async def against_empty_answer(bench: Bench) -> Sequence[Outcome]:
    return await compare(bench, CACHED, empty_answer, ITEM, signed_in=False)


ROWS = (
    Row("proxied read, against nginx", [PROXIED_NGINX], against_nginx, needs=["nginx"], seconds=40),
    Row("proxied read, against FastAPI + httpx", [PROXIED_PLAIN], against_plain_proxy, seconds=40),
    Row("cached read", [CACHED], against_empty_answer, seconds=40),
)
