"""The frame of `make bench`, without load: how it judges, reads and chooses."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from tests.load.__main__ import Result, all_rows, arguments, numbers, write
from tests.load.bench import Bench, wrk_result
from tests.load.frame import Round, holds, quantile, ratio_outcome
from tests.load.people import Asked
from tests.load.rows.spike import AFTER_SECONDS, Phase, recovery

WRK = """
  2 threads and 16 connections
  Latency Distribution
     50%  612.00us
     99%    1.57ms
  124 requests in 5.00s
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:  24832.10
"""


@pytest.mark.parametrize(
    ("value", "bound", "kept"),
    [
        (0.35, "≥ 0.35", True),
        (0.349, "≥ 0.35", False),
        (1.2, "≤ 1.2 GB", True),
        (31, "≤ 30 ms", False),
        (float("nan"), "≤ 30 ms", False),
    ],
)
def test_a_bound_is_read_with_its_sign_and_its_unit(value, bound, kept):
    assert holds(value, bound) is kept


def test_a_bound_without_sign_is_refused():
    with pytest.raises(ValueError, match="begins with"):
        holds(1, "about 3")


def test_one_slow_round_does_not_decide():
    rounds = [Round(80, 100), Round(8, 10), Round(10, 100)]
    found = ratio_outcome("x", "req/s", rounds, "≥ 0.7")
    assert (found.ratio, found.ours, found.baseline, found.met) == (0.8, 10, 100, True)


def test_quantiles_are_values_that_were_seen():
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([7], 0.99) == 7


def test_wrk_is_read_with_all_its_errors():
    found = wrk_result(WRK)
    assert (found.requests_per_second, found.p50_ms, found.p99_ms) == (24832.1, 0.612, 1.57)
    assert found.errors == 7


def test_ours_and_baseline_take_turns(tmp_path):
    turns = []

    async def ours() -> float:
        turns.append("ours")
        return 1.0

    async def baseline() -> float:
        turns.append("baseline")
        return 2.0

    found = asyncio.run(Bench(tmp_path, rounds=2).alternate(ours, baseline))
    assert found == [Round(1.0, 2.0)] * 2
    assert turns == ["ours", "baseline"] * 2


def test_the_own_loader_counts_what_is_answered_and_what_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)  # no wrk on this machine
    bench = Bench(tmp_path)
    served = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]

    async def measured():
        from tests.load.bench import port

        address = f"http://127.0.0.1:{(number := port())}"
        command = [*served, "--directory", str(tmp_path), str(number)]
        async with bench.process(command, ready=f"{address}/"):
            good = await bench.load(f"{address}/", connections=2, seconds=0.2)
            return good, await bench.load(f"{address}/nothing", connections=1, seconds=0.2)

    good, bad = asyncio.run(measured())
    assert good.by == "own loader"
    assert (good.errors, good.requests_per_second > 0) == (0, True)
    assert bad.errors > 0


def test_a_spike_is_over_when_a_whole_window_is_quick_and_nobody_is_refused():
    def phase(slow_until: int, refused_at: int) -> Phase:
        asked = [
            Asked("own", second, 1.0 if second < slow_until else 0.1, 200, expected=True)
            for second in range(AFTER_SECONDS)
        ]
        asked.append(Asked("own", refused_at, 0.001, 503, expected=True))
        return Phase("after", 0.0, asked)

    assert recovery(phase(12, 0), 0.12) == 12
    assert recovery(phase(12, 20), 0.12) == 21
    assert recovery(phase(AFTER_SECONDS, 0), 0.12) == AFTER_SECONDS


def test_rows_have_numbers_of_their_own_and_can_be_chosen():
    found = [number for row in all_rows() for number in numbers(row)]
    assert len(found) == len(set(found))
    assert arguments(["--rows", "1,14"]).rows == [1, 14]
    assert all(row.takes(3, 5) == row.seconds or not row.fixed for row in all_rows())


def test_the_figures_are_written_with_what_they_depend_on(tmp_path):
    path = Path(tmp_path) / "deep" / "bench.json"
    outcome = ratio_outcome("x", "req/s", [Round(1, 2)], "≥ 0.7")
    result = Result([outcome], {"y": "needs nginx"}, {})
    write(path, result, 3, 5.0)
    written = json.loads(path.read_text())
    assert written["rows"][0]["ratio"] == 0.5
    assert not written["kept"]
    assert written["skipped"] == {"y": "needs nginx"}
    assert {"cores", "memory_bytes", "commit", "versions"} <= set(written)
