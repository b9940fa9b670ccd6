"""Rows 1–3: the gateway against nginx, against the usual Python proxy, against an empty answer.

What is under test has core 0 to itself, loader and upstream share core 1, so figures are per core.
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from joserfc import jwt
from joserfc.jwk import ECKey

from onenet.nats_server import _binary as nats_binary

from ..bench import PYTHON, Bench, cpu_seconds, port
from ..frame import Outcome, Row, ratio_outcome

UNDER_TEST, BESIDE = 0, 1
ISSUER = "http://gateway.bench"
# About what a browser sends besides its token.
BROWSER = {
    "Accept": "application/json",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.6",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/144.0 (bench)",
    "Referer": f"{ISSUER}/cases/0190f3a2-0000-7000-8000-000000000000",
    "Sec-Fetch-Mode": "cors",
}
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream service {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
    }}
  }}
}}
"""

_SLIPS = 3


@dataclass(frozen=True)
class Setting:
    """An upstream, and the token its readers carry."""

    upstream: int
    token: str


@contextlib.asynccontextmanager
async def setting(bench: Bench) -> AsyncIterator[Setting]:
    key = ECKey.generate_key("P-256", {"kid": "identity-bench", "alg": "ES256", "use": "sig"})
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "onenet",
        "sub": "0190f3a2-0000-7000-8000-000000000001",
        "client_id": "onenet-web",
        "iat": now,
        "exp": now + 3600,
        "jti": "bench",
        "kind": "citizen",
        "level": "L2",
        "scope": "openid",
    }
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "identity-bench"}
    token = jwt.encode(header, claims, key)
    jwks = json.dumps({"keys": [key.as_dict(private=False)]})
    number = port()
    command = uvicorn("tests.load.baselines.bare:upstream", number)
    env = {"BENCH_JWKS": jwks}
    ready = f"http://127.0.0.1:{number}/readyz"
    async with bench.process(command, cpu=BESIDE, env=env, ready=ready):
        yield Setting(number, token)


def uvicorn(app: str, number: int) -> list[str]:
    words = ["-m", "uvicorn", app, "--port", str(number), "--log-level", "critical"]
    return [PYTHON, *words, "--no-access-log", "--loop", "uvloop", "--http", "httptools"]


@contextlib.asynccontextmanager
async def gateway(bench: Bench, upstream: int) -> AsyncIterator[tuple[str, object]]:
    """The gateway as it is run, with a bus, one upstream in the place of every service."""
    bus, own = port(), port()
    address = f"http://127.0.0.1:{upstream}"
    env = {
        "ONENET_ISSUER": ISSUER,
        "ONENET_KEYS_URL": f"{address}/.well-known/jwks.json",
        "ONENET_NATS_URL": f"nats://127.0.0.1:{bus}",
        "ONENET_PORT": str(own),
        # So high that nobody is refused; every request is still counted.
        **{f"ONENET_{kind}_RATE": "1000000" for kind in ("READ", "WRITE", "ENTRY", "PROGRESS")},
        **{f"ONENET_{kind}_BURST": "1000000" for kind in ("READ", "WRITE", "ENTRY", "PROGRESS")},
        **{f"ONENET_{name}_URL": address for name in ("CATALOG", "CASE", "IDENTITY", "EXCHANGE")},
    }
    nats = [str(nats_binary()), "-a", "127.0.0.1", "-p", str(bus)]
    serve = [PYTHON, "-m", "gateway", "serve"]
    async with (
        bench.process(nats, cpu=BESIDE),
        bench.process(serve, cpu=UNDER_TEST, env=env, ready=f"http://127.0.0.1:{own}/livez") as one,
    ):
        yield f"http://127.0.0.1:{own}", one


@contextlib.asynccontextmanager
async def nginx(bench: Bench, upstream: int) -> AsyncIterator[str]:
    number = port()
    path = bench.folder / f"nginx-{number}.conf"
    path.write_text(NGINX.format(folder=bench.folder, upstream=upstream, port=number))
    command = ["nginx", "-c", str(path), "-p", str(bench.folder)]
    address = f"http://127.0.0.1:{number}"
    async with bench.process(command, cpu=UNDER_TEST, ready=address):
        yield address


@contextlib.asynccontextmanager
async def plain_proxy(bench: Bench, upstream: int) -> AsyncIterator[str]:
    number = port()
    address = f"http://127.0.0.1:{number}"
    command = uvicorn("tests.load.baselines.plain_proxy:app", number)
    env = {"UPSTREAM": f"http://127.0.0.1:{upstream}"}
    async with bench.process(command, cpu=UNDER_TEST, env=env, ready=f"{address}/x"):
        yield address


async def proxied(bench: Bench) -> Sequence[Outcome]:
    """The same read through the gateway, nginx and the usual Python proxy."""
    async with (
        setting(bench) as given,
        gateway(bench, given.upstream) as (ours, process),
        nginx(bench, given.upstream) as theirs,
        plain_proxy(bench, given.upstream) as plain,
    ):
        headers = {**BROWSER, "Authorization": f"Bearer {given.token}"}
        path = "/api/v1/cases/0190f3a2-0000-7000-8000-000000000000"
        costs: list[float] = []

        async def rate(address: str) -> float:
            found = await bench.load(f"{address}{path}", headers=headers, cpu=BESIDE)
            # The usual recipe now and then takes up a connection that is just being closed.
            if found.errors > (_SLIPS if address == plain else 0):
                raise RuntimeError(f"{found.errors} errors at {address}")
            return found.requests_per_second

        async def through_us() -> float:
            before, began = cpu_seconds(process), time.monotonic()
            found = await rate(ours)
            costs.append((cpu_seconds(process) - before) / (found * (time.monotonic() - began)))
            return found

        await rate(ours)  # warm
        first = await bench.alternate(through_us, lambda: rate(theirs))
        second = await bench.alternate(through_us, lambda: rate(plain))
        notes = f"{min(costs) * 1e6:.0f} µs CPU a request"
        return [
            ratio_outcome("proxied read ÷ nginx", "req/s", first, "≥ 0.35", notes),
            replace(
                ratio_outcome("proxied read ÷ FastAPI + httpx", "req/s", second, "≥ 15"), number=2
            ),
        ]


async def cached(bench: Bench) -> Sequence[Outcome]:
    """A kept public read against an ASGI application that says the same without a thought."""
    number = port()
    bare = f"http://127.0.0.1:{number}"
    async with (
        setting(bench) as given,
        gateway(bench, given.upstream) as (ours, _),
        bench.process(
            uvicorn("tests.load.baselines.bare:empty", number), cpu=UNDER_TEST, ready=bare
        ),
    ):

        async def rate(address: str) -> float:
            found = await bench.load(f"{address}/api/v1/items/1", headers=BROWSER, cpu=BESIDE)
            if found.errors:
                raise RuntimeError(f"{found.errors} errors at {address}")
            return found.requests_per_second

        await rate(ours)
        rounds = await bench.alternate(lambda: rate(ours), lambda: rate(bare))
        return [ratio_outcome("cached public read ÷ empty ASGI answer", "req/s", rounds, "≥ 0.7")]


ROWS = (
    Row(1, "proxied read", proxied, needs=("nginx",), seconds=75, also=(2,)),
    Row(3, "cached read", cached, seconds=45),
)
