"""Row 11: a page of twenty from a catalogue of 10,000 and of 200,000 items.

The catalogue service answers alone, without its worker, as an api process does in production. Each
kind of question is asked in many wordings, so that no page is answered twice in a row.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from urllib.parse import urlencode

from pydantic import SecretStr

from catalog_svc.main import create_service
from catalog_svc.search.rules import tokens
from chassis import migrations, worker
from chassis.db import open_context
from chassis.testing.plugin import token_keys
from chassis.testing.settings import ISSUER, settings_of

from ..bench import PYTHON, Bench, port
from ..catalogue import PROVINCE, Catalogue, fill
from ..frame import Load, Outcome, Row, figure_outcome, quantile
from ..loader import Wires
from ..servers import server

ITEMS = "/api/v1/items"
SMALL, LARGE = 10_000, 200_000
CLIENTS = 16
WORDINGS = 60
TWO_CHARACTERS = 2
Questions = dict[str, list[str]]


@contextlib.asynccontextmanager
async def catalogue(bench: Bench, items: int) -> AsyncIterator[tuple[str, Questions]]:
    """The service's address, and what it is asked."""
    async with server() as postgres:
        url = await postgres.database("bench_catalog")
        settings = settings_of(create_service, database_url=SecretStr(url))
        service = create_service(settings)
        await asyncio.to_thread(migrations.upgrade, service.migrations, url)
        here = open_context(service.name, settings, keys=token_keys())
        await worker.start_up(service, here)
        await here.engine.dispose()
        began = time.perf_counter()
        filled = await fill(url, items)
        bench.say(f"{items:,} items in {time.perf_counter() - began:.0f} s")
        base_url = f"http://127.0.0.1:{port()}"
        environment = {
            "ONENET_DATABASE_URL": url,
            "ONENET_NATS_URL": "nats://127.0.0.1:1",
            "ONENET_FILES_URL": f"file://{bench.folder}/files",
            "ONENET_ISSUER": ISSUER,
            "ONENET_KEYS_URL": "http://127.0.0.1:1/",
            "ONENET_VAULT_KEYS": settings.vault_keys.get_secret_value(),
            "ONENET_SEAL_KEYS": settings.seal_keys.get_secret_value(),
            "ONENET_PORT": base_url.rpartition(":")[2],
            "ONENET_WORKER": "false",
        }
        serving = [PYTHON, "-m", "catalog_svc", "serve"]
        async with bench.process(serving, env=environment, ready=f"{base_url}/livez"):
            yield base_url, await questions(base_url, filled)


async def questions(base_url: str, filled: Catalogue) -> Questions:
    """Addresses by kind of question."""
    choice = random.Random(7)
    frequent: dict[str, int] = {}
    for name in filled.names:
        for word in tokens.query_words(name):
            frequent[word] = frequent.get(word, 0) + 1
    ranked = sorted(frequent, key=lambda word: (-frequent[word], word))
    short = [word for word in ranked if len(word) == TWO_CHARACTERS and tokens.is_chinese(word)]
    names = choice.sample(list(filled.names), WORDINGS)
    cut = [tokens.query_words(name) for name in names]
    two = short[: WORDINGS // 2] + choice.sample(short[WORDINGS // 2 :], WORDINGS // 2)
    return {
        "2-character word, region and department": [_in_bureau(one, filled, choice) for one in two],
        "2-character word, region": [
            _page(q=one, region=choice.choice(filled.cities)) for one in two
        ],
        "2-character word": [_page(q=one) for one in two],
        "common word": [_page(q=one) for one in short[:10]],
        "subject and action": [_page(q=f"{one[0]} {one[-1]}") for one in cut if len(one) > 1],
        "rare word": [_page(q=one) for one in ranked[-WORDINGS:]],
        "odd substring": [_page(q=_middle(name, choice)) for name in names],
        "pinyin": [_page(q="".join(tokens.pinyin(name)[:1])[:9]) for name in names],
        "no word": [_page(), _page(region=PROVINCE)],
        "no word, region and department": [
            _in_bureau(None, filled, choice) for _ in range(WORDINGS)
        ],
        "deep page": await _deep(base_url, _page(q=short[0]), _page(), _page(region=PROVINCE)),
        "count": [_page(q=one, count="true") for one in two],
    }


def _page(**query: str) -> str:
    return f"{ITEMS}?{urlencode({'limit': '20', **query})}"


def _in_bureau(word: str | None, filled: Catalogue, choice: random.Random) -> str:
    city = choice.choice(filled.cities)
    where = {"region": city, "department": filled.department(city, choice.randrange(30))}
    return _page(**where, **({} if word is None else {"q": word}))


def _middle(name: str, choice: random.Random) -> str:
    """Three characters from anywhere, usually no word."""
    run = max(tokens.runs(name), key=len)
    at = choice.randrange(max(1, len(run) - 2))
    return run[at : at + 3]


async def _deep(base_url: str, *pages: str) -> list[str]:
    """The fifteenth page of each."""
    wires, found = Wires(base_url), []
    for page in pages:
        here = page
        for _ in range(14):
            cursor = (await wires.ask("GET", here)).json()["next"]
            if cursor is None:
                break
            here = f"{page}&{urlencode({'after': cursor})}"
        found.append(here)
    wires.close()
    return found


async def asked(base_url: str, paths: Sequence[str], clients: int, seconds: float) -> Load:
    """Ask these in turn with so many clients; any answer but 200 ends the measurement."""
    wires, waited, end = Wires(base_url), [], time.perf_counter() + seconds

    async def ask(number: int) -> None:
        at = number
        while time.perf_counter() < end:
            began = time.perf_counter()
            answer = await wires.ask("GET", paths[at % len(paths)])
            waited.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise RuntimeError(f"{paths[at % len(paths)]} was answered {answer.status}")
            at += clients + 1

    await asyncio.gather(*(ask(number) for number in range(clients)))
    wires.close()
    rate = len(waited) / seconds
    return Load(rate, quantile(waited, 0.5), quantile(waited, 0.99), 0, "own loader")


async def pages(bench: Bench, items: int) -> list[Outcome]:
    outcomes: list[Outcome] = []
    async with catalogue(bench, items) as (base_url, found):
        for kind, paths in found.items():
            await asked(base_url, paths, 1, 1)
            alone = await asked(base_url, paths, 1, bench.seconds / 2)
            crowd = await asked(base_url, paths, CLIENTS, bench.seconds / 2)
            bench.say(
                f"{items:,} {kind}: 1 client p50 {alone.p50_ms:.1f} p99 {alone.p99_ms:.1f} ms,"
                f" {CLIENTS} clients p50 {crowd.p50_ms:.1f} p99 {crowd.p99_ms:.1f} ms,"
                f" {crowd.requests_per_second:.0f} per second"
            )
            if not outcomes:
                outcomes = await _promised(bench, base_url, items, kind, paths)
    return outcomes


async def _promised(
    bench: Bench, base_url: str, items: int, kind: str, paths: Sequence[str]
) -> list[Outcome]:
    values = [(await asked(base_url, paths, 1, bench.seconds)).p99_ms for _ in range(bench.rounds)]
    rounds = ", ".join(f"{value:.1f}" for value in islice(values, 5))
    return [figure_outcome(f"p99, {items:,} items, {kind}", "ms", values, "≤ 50", rounds)]


async def searched(bench: Bench) -> Sequence[Outcome]:
    """One person waiting for a page; what the crowd waits is said beside it."""
    return [*await pages(bench, SMALL), *await pages(bench, LARGE)]


ROWS = (Row(11, "search, a 2-character word with filters", searched, seconds=290),)
