"""Rows 12 and 13: tokens for a department's system, and people who sign in with their passwords.

Identity runs without its worker, as an api process does in production. Row 12 gives it a core of
its own, which it shares in turns with Authlib on Flask (a threaded worker of gunicorn).
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from onenet.client import CLIENT_ID, REDIRECT_URI, SCOPES
from onenet.numbers import new_identity_number, new_mobile, new_name

from ..applications import JSON, post
from ..bench import PYTHON, Bench, free_port
from ..frame import Outcome, Round, Row, quantile, ratio_outcome
from ..loader import Connections, Request
from ..promises import CLIENT_CREDENTIALS, READ_MEANWHILE, SIGN_IN
from ..servers import connected, postgres_server
from ..services import service
from ..tokens import Signer, published_signer

UNDER_TEST, BESIDE = 0, 1
REGION, DEPARTMENT = "510000000000", "11510000000000001X"
# Down to the district that the applicants' identity numbers begin with.
REGIONS = [
    {"code": REGION, "name": "四川省"},
    {"code": "511600000000", "name": "广安市"},
    {"code": "511602000000", "name": "广安区"},
]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PASSWORD = "a-bench-needs-a-password"
ACCOUNTS = 16
# As many as identity keeps for passwords.
THREADS = 2
SIGNING_IN = 8
READS_PER_SECOND = 100
PUBLIC = "/api/v1/orgs/departments"


@dataclass(frozen=True)
class Identity:
    base_url: str
    database_url: str
    connections: Connections
    admin: Mapping[str, str]

    async def post(self, path: str, content: object) -> dict[str, str]:
        return await post(self.connections, path, {**JSON, **self.admin}, json.dumps(content))


@contextlib.asynccontextmanager
async def identity(
    bench: Bench, *, cpu: int | None = None, signer: Signer | None = None
) -> AsyncIterator[Identity]:
    """An identity service with one department, and its administrator's headers."""
    async with contextlib.AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(postgres_server())
        signer = signer or await stack.enter_async_context(published_signer())
        url = await postgres.database("bench_identity")
        base_url = await stack.enter_async_context(service(bench, "identity", url, signer, cpu=cpu))
        connections = Connections(base_url)
        stack.callback(connections.close)
        admin = signer.headers("staff", roles=["platform_admin"], region=REGION)
        opened = Identity(base_url, url, connections, admin)
        await opened.post("/api/v1/orgs/regions/imports", REGIONS)
        department = {"code": DEPARTMENT, "name": "民政厅", "region_code": REGION}
        await opened.post("/api/v1/orgs/departments", department)
        yield opened


async def client_credentials(bench: Bench) -> Sequence[Outcome]:
    """Tokens a second, one core each."""
    port = free_port()
    authlib = f"http://127.0.0.1:{port}"
    command = ["-m", "gunicorn", "tests.load.baselines.token_server:app", "--workers", "1"]
    command += ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "75"]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "critical"]
    async with (
        identity(bench, cpu=UNDER_TEST) as ours,
        bench.process([PYTHON, *command], cpu=UNDER_TEST, ready=f"{authlib}/readyz"),
    ):
        system = {"name": "bench", "department_code": DEPARTMENT, "scopes": ["exchange"]}
        client = await ours.post("/api/v1/identity/clients", system)
        own = token_request(client["client_id"], client["client_secret"])

        async def rate(address: str, request: Request) -> float:
            return (await bench.load(address, [request], cpu=BESIDE)).requests_per_second

        await bench.load(ours.base_url, [own], seconds=1)  # warm
        rounds = await bench.alternate(
            lambda: rate(ours.base_url, own),
            lambda: rate(authlib, token_request("system", "secret")),
        )
    return [ratio_outcome(CLIENT_CREDENTIALS, "per second", rounds)]


def token_request(client_id: str, secret: str) -> Request:
    body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    return Request("/oauth2/token", "POST", FORM, urlencode(body))


async def sign_ins(bench: Bench) -> Sequence[Outcome]:
    """The sign-in page sent by many people at once; a public read beside it."""
    async with identity(bench) as ours:
        requests = [await sign_in_request(ours, await registered(ours)) for _ in range(ACCOUNTS)]
        async with connected(ours.database_url) as connection:
            password_hash = await connection.fetchval(
                "SELECT password_hash FROM account WHERE kind <> 'staff' LIMIT 1"
            )

        async def signed_in() -> float:
            load = await bench.load(ours.base_url, requests, connections=SIGNING_IN, status=303)
            return load.requests_per_second

        async def bare() -> float:
            command = [PYTHON, "-m", "tests.load.baselines.argon2_threads", password_hash]
            return await bare_verifications(bench, [*command, str(THREADS), str(bench.seconds)])

        rates = await bench.alternate(signed_in, bare)
        waits = []
        for _ in range(bench.rounds):
            meanwhile = asyncio.create_task(signed_in())
            busy = await read_waits(ours, bench.seconds)
            await meanwhile
            waits.append((busy, await read_waits(ours, bench.seconds)))
    rounds = [Round(quantile(busy, 0.99), quantile(idle, 0.99)) for busy, idle in waits]
    p50 = [statistics.median(quantile(wait[side], 0.5) for wait in waits) for side in (0, 1)]
    notes = f"p50 {p50[0]:.1f} and {p50[1]:.1f} ms; {READS_PER_SECOND} reads/s"
    return [
        ratio_outcome(SIGN_IN, "per second", rates, notes=f"{THREADS} threads"),
        ratio_outcome(READ_MEANWHILE, "ms", rounds, notes=notes),
    ]


async def registered(ours: Identity) -> str:
    """The mobile number of somebody new."""
    mobile = new_mobile()
    person = {"name": new_name(), "id_number": new_identity_number(), "mobile": mobile}
    await post(
        ours.connections,
        "/api/v1/identity/registrations",
        JSON,
        json.dumps(person | {"password": PASSWORD}),
    )
    return mobile


async def sign_in_request(ours: Identity, username: str) -> Request:
    """The filled-in sign-in page of an authorization begun before; it may be sent repeatedly."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(secrets.token_bytes(32)).digest())
    query = {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "scope": SCOPES,
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    answer = await ours.connections.send("GET", f"/oauth2/authorize?{urlencode(query)}")
    location = answer.header("location") or ""
    sealed = location.partition("request=")[2]
    if answer.status != 303 or not sealed:
        raise RuntimeError(f"an authorization was answered {answer.status}: {location}")
    fields = urlencode({"username": username, "password": PASSWORD})
    return Request("/oauth2/login", "POST", FORM, f"request={sealed}&{fields}")


async def bare_verifications(bench: Bench, command: Sequence[str]) -> float:
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        printed, _ = await child.communicate(PASSWORD.encode())
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return float(printed)


async def read_waits(ours: Identity, seconds: float) -> list[float]:
    """Milliseconds of reads that come at fixed moments; a wait counts from the planned moment."""
    connections, waits = Connections(ours.base_url), []
    began = time.perf_counter()

    async def read(planned: float) -> None:
        answer = await connections.send("GET", PUBLIC)
        waits.append((time.perf_counter() - planned) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{PUBLIC} was answered {answer.status}")

    async with asyncio.TaskGroup() as reads:
        for number in range(int(READS_PER_SECOND * seconds)):
            planned = began + number / READS_PER_SECOND
            await asyncio.sleep(max(0.0, planned - time.perf_counter()))
            reads.create_task(read(planned))
    connections.close()
    return waits


ROWS = (
    Row("client_credentials", [CLIENT_CREDENTIALS], client_credentials, seconds=45),
    Row("sign-ins with passwords", [SIGN_IN, READ_MEANWHILE], sign_ins, seconds=75),
)
