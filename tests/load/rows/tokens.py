"""Row 12: a department's system fetches a token; row 16: what checking a token costs.

Identity runs without its worker, as an api process does in production, on a core of its own; the
baseline is Authlib on Flask, a threaded worker of gunicorn on the same core in its turns.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence

from joserfc.jwk import ECKey
from pydantic import SecretStr

from chassis import migrations, worker
from chassis.auth import TokenKeys
from chassis.db import open_context, transaction
from chassis.testing.plugin import _KID, _SIGNER, token_for, token_keys
from chassis.testing.settings import ISSUER, settings_of
from identity_svc.login.usecases.clients import register_client
from identity_svc.main import create_service
from identity_svc.orgs.models import Department, Region

from ..bench import PYTHON, Bench, port
from ..frame import Outcome, Row, figure_outcome, ratio_outcome
from ..servers import server

UNDER_TEST, BESIDE = 0, 1
CHECKS = 20_000
POST = """
wrk.method = "POST"
wrk.body = "{body}"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
"""


@contextlib.asynccontextmanager
async def identity(bench: Bench) -> AsyncIterator[tuple[str, str]]:
    """Its address, and the form a registered system posts."""
    async with server() as postgres:
        url = await postgres.database("bench_identity")
        settings = settings_of(create_service, database_url=SecretStr(url))
        service = create_service(settings)
        await asyncio.to_thread(migrations.upgrade, service.migrations, url)
        here = open_context(service.name, settings, keys=token_keys())
        await worker.start_up(service, here)
        async with transaction(here) as session:
            session.add(Region(code="510000000000", name="四川省", level="province"))
            session.add(Department(code="d1", name="民政厅", region_code="510000000000"))
            await session.flush()
            client, secret = await register_client(
                session, name="bench", department_code="d1", scopes=["exchange"]
            )
        await here.engine.dispose()
        base_url = f"http://127.0.0.1:{port()}"
        environment = {
            "ONENET_DATABASE_URL": url,
            "ONENET_NATS_URL": "nats://127.0.0.1:1",
            "ONENET_FILES_URL": f"file://{bench.folder}/files",
            "ONENET_ISSUER": ISSUER,
            "ONENET_KEYS_URL": f"{base_url}/.well-known/jwks.json",
            "ONENET_VAULT_KEYS": settings.vault_keys.get_secret_value(),
            "ONENET_SEAL_KEYS": settings.seal_keys.get_secret_value(),
            "ONENET_PORT": base_url.rpartition(":")[2],
            "ONENET_WORKER": "false",
        }
        serving = [PYTHON, "-m", "identity_svc", "serve"]
        async with bench.process(
            serving, cpu=UNDER_TEST, env=environment, ready=f"{base_url}/livez"
        ):
            yield base_url, form(client.client_id, secret)


def form(client_id: str, secret: str) -> str:
    return f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"


async def issued(bench: Bench) -> Sequence[Outcome]:
    """Tokens a second, one core each."""
    number = port()
    theirs = f"http://127.0.0.1:{number}"
    words = ["-m", "gunicorn", "tests.load.baselines.token_server:app", "--workers", "1"]
    words += ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "75"]
    words += ["--bind", f"127.0.0.1:{number}", "--log-level", "critical"]
    async with (
        identity(bench) as (ours, body),
        bench.process([PYTHON, *words], cpu=UNDER_TEST, ready=f"{theirs}/readyz"),
    ):

        async def rate(address: str, posted: str) -> float:
            found = await bench.load(
                f"{address}/oauth2/token", cpu=BESIDE, script=POST.format(body=posted)
            )
            if found.errors:
                raise RuntimeError(f"{found.errors} errors at {address}")
            return found.requests_per_second

        await rate(ours, body)
        rounds = await bench.alternate(
            lambda: rate(ours, body), lambda: rate(theirs, form("system", "secret"))
        )
        return [ratio_outcome("client_credentials ÷ Authlib, RS256", "per second", rounds, "≥ 2")]


async def checked(bench: Bench) -> Sequence[Outcome]:
    """A token seen before against one checked from the beginning, in this process."""
    token = token_for("citizen", level="L2")["Authorization"].partition(" ")[2]
    jwk = _SIGNER.as_dict(private=False) | {"kid": _KID}
    assert ECKey.import_key(json.loads(json.dumps(jwk)))

    async def again() -> float:
        keys = _keys(jwk)
        keys.verify(token)
        return _microseconds(lambda: keys.verify(token), CHECKS)

    async def anew() -> float:
        keys = _keys(jwk)
        return _microseconds(lambda: keys._check(token), CHECKS // 20)

    rounds = await bench.alternate(again, anew)
    known = figure_outcome(
        "checking a token that is known", "µs", [one.ours for one in rounds], "≤ 5"
    )
    unknown = figure_outcome(
        "checking a new token", "µs", [one.baseline for one in rounds], "≤ 500"
    )
    return [known, unknown]


def _keys(jwk: dict[str, object]) -> TokenKeys:
    keys = TokenKeys("http://nowhere", ISSUER)
    keys.accept({"keys": [jwk]})
    return keys


def _microseconds(check, times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        check()
    return (time.perf_counter() - began) / times * 1e6


ROWS = (
    Row(12, "client_credentials", issued, needs=("wrk",), seconds=60),
    Row(16, "token verification", checked, seconds=5),
)
