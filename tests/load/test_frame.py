"""The frame of `make bench`, without load: how it judges, reads and chooses."""

import asyncio
import json
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tests.load import promises
from tests.load.__main__ import (
    LONGEST_SECONDS,
    Result,
    all_rows,
    measure,
    parse_arguments,
    show,
    write,
)
from tests.load.bench import Bench, free_port
from tests.load.frame import Round, Row, figure_outcome, quantile, ratio_outcome
from tests.load.loader import NEW_KEY, Request, split_message
from tests.load.people import Sent
from tests.load.promises import MILLION, Promise, holds
from tests.load.rows.spike import AFTER_SECONDS, Phase, recovery

RATE = Promise(4, "ours ÷ bare", "≥ 0.5", "≥ 0.8")


@pytest.mark.parametrize(
    ("value", "bound", "kept"),
    [
        (0.35, "≥ 0.35", True),
        (0.349, "≥ 0.35", False),
        (1.2, "≤ 1.2 GB", True),
        (31, "≤ 30 ms", False),
        (float("nan"), "≤ 30 ms", False),
        (float("nan"), "≥ 0", False),
    ],
)
def test_a_bound_is_read_with_its_sign_and_its_unit(value, bound, kept):
    assert holds(value, bound) is kept


def test_a_bound_without_sign_is_refused():
    with pytest.raises(ValueError, match="begins with"):
        holds(1, "about 3")


@pytest.mark.parametrize(("value", "verdict"), [(0.8, "goal"), (0.79, "ok"), (0.49, "missed")])
def test_the_verdict_names_the_best_bound_that_holds(value, verdict):
    assert RATE.verdict(value) == verdict


def test_a_goal_for_a_million_rows_is_not_reached_with_fewer():
    promise = Promise(7, "officer ÷ super-user", "≤ 1.5", "≤ 1.2", MILLION)
    assert promise.verdict(1.0, rows=200_000) == "ok"
    assert promise.verdict(1.0, rows=MILLION) == "goal"
    assert promise.verdict(1.6, rows=MILLION) == "missed"
    assert promise.goal_text == "≤ 1.2 at 1 M"


def test_no_goal_is_easier_than_its_floor():
    for row in all_rows():
        for promise in row.promises:
            sign, floor, *_ = promise.floor.split()
            goal = float(promise.goal.split()[1])
            assert promise.goal.startswith(sign)
            assert goal >= float(floor) if sign == "≥" else goal <= float(floor)


def test_one_slow_round_does_not_decide():
    outcome = ratio_outcome(RATE, "req/s", [Round(80, 100), Round(8, 10), Round(10, 100)])
    assert (outcome.value, outcome.verdict, outcome.kept) == (0.8, "goal", True)
    assert outcome.remark == "10 ÷ 100 req/s"


def test_a_baseline_that_did_nothing_keeps_no_promise():
    assert ratio_outcome(RATE, "req/s", [Round(80, 0)]).verdict == "missed"


def test_a_figure_is_the_median_of_its_measurements():
    outcome = figure_outcome(promises.MEMORY, [1.0, 1.1, 5.0], unit="GB")
    assert (outcome.value, outcome.verdict) == (1.1, "ok")


def test_quantiles_are_values_that_were_seen():
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([7], 0.99) == 7


def test_ours_and_baseline_take_turns(tmp_path):
    turns = []

    async def ours() -> float:
        turns.append("ours")
        return 1.0

    async def baseline() -> float:
        turns.append("baseline")
        return 2.0

    rounds = asyncio.run(Bench(tmp_path, rounds=2).alternate(ours, baseline))
    assert rounds == [Round(1.0, 2.0)] * 2
    assert turns == ["ours", "baseline"] * 2


def test_the_loader_counts_what_is_answered_and_what_is_refused(tmp_path):
    bench = Bench(tmp_path)
    served = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]

    async def measured():
        address = f"http://127.0.0.1:{(port := free_port())}"
        command = [*served, "--directory", str(tmp_path), str(port)]
        async with bench.process(command, ready=f"{address}/"):
            good = await bench.load(address, [Request("/")], connections=2, seconds=0.2)
            with pytest.raises(RuntimeError, match="404"):
                await bench.load(address, [Request("/nothing")], connections=1, seconds=0.2)
            return good

    good = asyncio.run(measured())
    assert good.requests_per_second > 0


def test_a_request_gets_a_key_of_its_own_where_it_asks_for_one():
    request = Request("/x", "POST", {"Idempotency-Key": NEW_KEY}, "{}")
    before, after = split_message("http://h", request)
    assert before.endswith(b"Idempotency-Key: ")
    assert after == b"\r\nContent-Length: 2\r\n\r\n{}"
    assert split_message("http://h", Request("/x"))[1] is None


def test_a_failed_row_is_named_with_its_cause_and_stops_no_other(tmp_path):
    async def broken(_):
        raise RuntimeError("no such table")

    async def sound(_):
        return [ratio_outcome(RATE, "req/s", [Round(1, 1)])]

    async def run_both() -> Result:
        result = Result()
        for work in (broken, sound):
            await measure(Row("row", [RATE], work), result, Bench(tmp_path), 5)
        return result

    result = asyncio.run(run_both())
    assert result.failed == {"4 row": "RuntimeError: no such table"}
    assert [outcome.verdict for outcome in result.outcomes] == ["goal"]
    assert not result.kept


def test_the_table_shows_measured_floor_goal_and_verdict():
    console = Console(width=120, record=True, file=StringIO())
    show(console, Result([ratio_outcome(RATE, "req/s", [Round(3, 5)])], {"1 x": "needs nginx"}))
    text = console.export_text()
    assert ["4", "ours", "÷", "bare", "0.6", "≥", "0.5", "≥", "0.8", "ok"] in [
        line.split() for line in text.splitlines()
    ]
    assert "Not measured: 1 x needs nginx" in text


def test_a_spike_is_over_when_a_whole_window_is_quick_and_nobody_is_refused():
    def phase(slow_until: int, refused_at: int) -> Phase:
        sent = [
            Sent("own", second, 1.0 if second < slow_until else 0.1, 200, expected=True)
            for second in range(AFTER_SECONDS)
        ]
        sent.append(Sent("own", refused_at, 0.001, 503, expected=True))
        return Phase("after", 0.0, sent)

    assert recovery(phase(12, 0), 0.12) == 12
    assert recovery(phase(12, 20), 0.12) == 21
    assert recovery(phase(AFTER_SECONDS, 0), 0.12) == AFTER_SECONDS


def test_every_promise_is_measured_by_exactly_one_row_and_can_be_chosen():
    measured = [promise for row in all_rows() for promise in row.promises]
    assert {promise.number for promise in measured} == set(range(1, 16))
    assert len(measured) == len({promise.what for promise in measured})
    assert parse_arguments(["--rows", "1,14"]).rows == [1, 14]


def test_a_whole_run_is_expected_to_take_less_than_25_minutes():
    expected = sum(row.expected_seconds(3, 5) for row in all_rows())
    assert expected < LONGEST_SECONDS


def test_the_figures_are_written_with_what_they_depend_on(tmp_path):
    path = Path(tmp_path) / "deep" / "bench.json"
    result = Result([ratio_outcome(RATE, "req/s", [Round(1, 4)])], {"1 y": "needs nginx"}, {})
    write(path, result, Bench(tmp_path, 3, 5.0))
    written = json.loads(path.read_text())
    assert written["outcomes"][0]["value"] == 0.25
    assert written["outcomes"][0]["promise"]["floor"] == "≥ 0.5"
    assert not written["kept"]
    assert written["skipped"] == {"1 y": "needs nginx"}
    assert {"cores", "memory_bytes", "commit", "versions"} <= set(written)
