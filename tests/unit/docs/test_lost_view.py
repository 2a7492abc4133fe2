"""docs/how-to/lost-view.md: its alerts ask for metrics that are served, and its tests are there."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from pba_sync.balancer.metrics import Metrics
from pba_sync.haproxy.retries import Budget
from pba_sync.watching.view import Board

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "how-to" / "lost-view.md").read_text("utf-8")
ROWS = re.findall(r"^\| (?!cause |---)([^|]+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", TEXT, re.MULTILINE)
_NAME = re.compile(r"\bpba_\w+")


@pytest.fixture(scope="module")
def served() -> set[str]:
    """The names of the metrics as Prometheus knows them."""
    metrics = Metrics(Board(lambda: 0.0), lambda: 0.0)
    metrics.count_retries(Budget)
    return {family.name + ("_total" if family.type == "counter" else "") for family in metrics.families()}


@pytest.fixture(scope="module")
def alerts() -> list[dict[str, Any]]:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (group,) = yaml.safe_load(block)["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def test_every_metric_that_is_named_is_served(served: set[str]) -> None:
    named = set(_NAME.findall(TEXT))
    assert named
    assert named <= served


def test_every_number_that_says_so_has_an_alert(alerts: list[dict[str, Any]]) -> None:
    asked = {name for rule in alerts for name in _NAME.findall(rule["expr"])}
    ages = {f"pba_sync_{what}_age_seconds" for what in ("view", "frontends_view", "haproxy")}
    assert asked == {*ages, "pba_sync_nodes_vanished"}
    for rule in alerts:
        assert set(rule) == {"alert", "expr", "for", "annotations"}


def test_every_row_has_a_test_that_is_there() -> None:
    there = defaultdict(list)
    for path in (ROOT / "tests").rglob("test_*.py"):
        there[path.name].append(path)
    assert len(ROWS) == len(re.findall(r"^\| ", TEXT, re.MULTILINE)) - 2, "a row that this test does not read"
    for cause, _seen, _do, shown in ROWS:
        names = re.findall(r"`(test_\w+\.py)`", shown)
        assert names, cause
        assert all(there[name] for name in names), cause
