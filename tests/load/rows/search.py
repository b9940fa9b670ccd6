"""Row 11: a page of twenty from a catalogue of 200,000 items, against one of 10,000.

The catalogue service answers alone, without its worker. A word of two characters is asked for with
region and department, in many wordings, so that no page is answered twice in a row.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlencode

from catalog_svc.search.rules import tokens

from ..bench import FEW, Bench
from ..catalogue import BUREAUX, Catalogue, fill
from ..frame import Outcome, Row, quantile, ratio_outcome
from ..loader import Connections
from ..promises import SEARCH
from ..servers import postgres_server
from ..services import service
from ..tokens import Signer, published_signer

WORDINGS = 60
TWO_CHARACTERS = 2


@contextlib.asynccontextmanager
async def filled_service(
    bench: Bench, signer: Signer, items: int
) -> AsyncIterator[tuple[str, list[str]]]:
    """The service's address, and the paths it is asked for."""
    async with postgres_server() as postgres:
        url = await postgres.database("bench_catalog")
        async with service(bench, "catalog", url, signer) as base_url:
            began = time.perf_counter()
            catalogue = await fill(url, items)
            bench.say(f"{items:,} items in {time.perf_counter() - began:.0f} s")
            yield base_url, questions(catalogue)


def questions(catalogue: Catalogue) -> list[str]:
    """Half of the words are the most frequent ones, half are any."""
    choice = random.Random(7)
    frequency = Counter(word for name in catalogue.names for word in tokens.query_words(name))
    ranked = sorted(frequency, key=lambda word: (-frequency[word], word))
    short = [word for word in ranked if len(word) == TWO_CHARACTERS and tokens.is_chinese(word)]
    half = WORDINGS // 2
    words = short[:half] + choice.sample(short[half:], half)
    paths = []
    for word in words:
        city = choice.choice(catalogue.cities)
        department = catalogue.department(city, choice.randrange(BUREAUX))
        query = {"limit": "20", "q": word, "region": city, "department": department}
        paths.append(f"/api/v1/items?{urlencode(query)}")
    return paths


async def waits(base_url: str, paths: Sequence[str], seconds: float) -> list[float]:
    """Milliseconds that one person waits who asks one question after the other."""
    connections, measured, number = Connections(base_url), [], 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        path = paths[number % len(paths)]
        number += 1
        began = time.perf_counter()
        answer = await connections.send("GET", path)
        measured.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{path} was answered {answer.status}")
    connections.close()
    return measured


async def searched(bench: Bench) -> Sequence[Outcome]:
    late: dict[str, float] = {}
    async with (
        published_signer() as signer,
        filled_service(bench, signer, FEW) as few,
        filled_service(bench, signer, bench.many) as many,
    ):

        async def median(name: str, base_url: str, paths: Sequence[str]) -> float:
            measured = await waits(base_url, paths, bench.seconds)
            late[name] = quantile(measured, 0.99)
            return quantile(measured, 0.5)

        for base_url, paths in (few, many):  # warm
            await waits(base_url, paths, 1)
        rounds = await bench.alternate(lambda: median("many", *many), lambda: median("few", *few))
    notes = f"p50; p99 {late['many']:.1f} and {late['few']:.1f} ms"
    return [ratio_outcome(SEARCH, "ms", rounds, notes=notes, rows=bench.many)]


ROWS = (Row("search, a 2-character word with filters", [SEARCH], searched, seconds=120),)
