"""Alerts and panels speak of metrics that exist, each alert has its page."""

import json
import re
from functools import cache

import pytest
import yaml

from .manifests import ROOT, SERVICES, pods, variables

OBSERVABILITY = ROOT / "deploy/observability"
RUNBOOKS = ROOT / "docs/runbooks"

# Prometheus and its client library make these; all others must be declared in the code.
BUILT_IN = {"up", "process_open_fds", "process_max_fds"}
BUILT_IN |= {"process_resident_memory_bytes", "process_cpu_seconds_total"}
TARGET_LABELS = {"job", "pod", "le"}
WORDS = {"sum", "max", "min", "by", "on", "rate", "or", "and", "unless", "offset", "bool", "absent"}
WORDS |= {"topk", "min_over_time", "histogram_quantile"}
ALERTS = [
    rule
    for group in yaml.safe_load((OBSERVABILITY / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((OBSERVABILITY / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [one["expr"] for one in ALERTS]
EXPRESSIONS += [target["expr"] for panel in PANELS for target in panel["targets"]]


@cache
def declared() -> dict[str, set[str]]:
    """Series the code exposes, each with its labels."""
    pattern = re.compile(r'= (Counter|Gauge|Histogram)\(\s*"(\w+)",\s*"[^"]*"(?:,\s*\[([^]]*)\])?')
    endings = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_bucket", "_count", "_sum"]}
    found = {}
    for path in ROOT.glob("*/src/**/*.py"):
        for kind, name, labels in pattern.findall(path.read_text()):
            for ending in endings[kind]:
                found[name + ending] = set(re.findall(r"\w+", labels))
    return found


def series_of(expression: str) -> set[str]:
    """Names in an expression that are neither labels, values, durations nor functions."""
    text = re.sub(r"\{.*?\}|\[.*?\]|\b(?:by|on) \([^)]*\)", " ", expression)
    return set(re.findall(r"(?<![\w.])[a-z_][\w:]*", text)) - WORDS


def labels_of(expression: str) -> set[str]:
    lists = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    matchers = re.findall(r"\{(.*?)\}", expression)
    words = re.findall(r"\w+", " ".join(lists))
    return {*words, *re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", " ".join(matchers))}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_exists(expression):
    recorded = {one["record"] for one in ALERTS if "record" in one}
    used = series_of(expression)
    assert used
    assert used - recorded - BUILT_IN - declared().keys() == set()
    known = set().union(*(declared().get(one, set()) for one in used))
    if not used & recorded:
        assert labels_of(expression) - known <= TARGET_LABELS


def test_every_metric_is_watched_or_shown():
    used = set().union(*map(series_of, EXPRESSIONS))
    stems = {one.removesuffix("_bucket") for one in used}
    unseen = [
        one
        for one in declared()
        if one.removesuffix("_count").removesuffix("_sum").removesuffix("_bucket") not in stems
    ]
    assert unseen == []


def test_every_alert_has_its_page_and_every_page_its_alert():
    alerts = [one for one in ALERTS if "alert" in one]
    for one in alerts:
        assert one["annotations"]["runbook"] == f"docs/runbooks/{one['alert']}.md"
        assert one["labels"]["severity"] in {"critical", "warning"}
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert {one["alert"] for one in alerts} == pages
    index = (RUNBOOKS / "README.md").read_text()
    assert [one for one in pages if f"({one}.md)" not in index] == []


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_runbooks_name_what_exists(path):
    text = path.read_text()
    for other in re.findall(r"\]\((\w+\.md)\)", text):
        assert (path.parent / other).exists()
    workloads = {one["metadata"]["name"] for one in pods("production")}
    assert set(re.findall(r"deploy/([a-z]+-[a-z]+)", text)) <= workloads
    known = set().union(*(variables(one)[0] for one in (*SERVICES, "gateway")))
    assert set(re.findall(r"ONENET_[A-Z_]+", text)) <= known
    routes = {re.sub(r"\{[^}]*\}", "_", one) for one in paths()}
    for route in re.findall(r"/api/v1/[\w/{}-]*", text):
        plain = route.replace("{service}", "case").replace("DEAD_LETTER_ID", "_")
        assert plain in routes | {"/api/v1/operations/outbox", "/api/v1/operations/dead-letters"}


@cache
def paths() -> list[str]:
    found: list[str] = []
    for service in SERVICES:
        found += json.loads((ROOT / f"{service}-svc/openapi.json").read_text())["paths"]
    return found
