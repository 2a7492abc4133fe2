"""docs/reference/metrics.md names every metric that the programs serve, with its type and labels, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry, Metric

from pba_operator.engine.metrics import Metrics as OperatorMetrics
from pba_sync.balancer.metrics import Metrics as SyncMetrics
from pba_sync.haproxy.retries import Budget
from pba_sync.watching.view import Board

Table = Callable[[str, str], list[list[str]]]


def _sync() -> tuple[CollectorRegistry, Iterable[Metric]]:
    metrics = SyncMetrics(Board(lambda: 0.0), lambda: 0.0)
    metrics.count_retries(Budget)
    metrics.count_faults({"balancer": int})
    return metrics.registry, metrics.families()


def _operator() -> tuple[CollectorRegistry, Iterable[Metric]]:
    registry = OperatorMetrics().registry
    return registry, registry.collect()


PROGRAMS = {"Operator": _operator, "Sidecar": _sync}


def _served(
    registry: CollectorRegistry, families: Iterable[Metric]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the type and the labels of each metric, by the name that Prometheus knows."""
    labels = {
        name: tuple(getattr(collector, "_labelnames", ()))
        for name, collector in registry._names_to_collectors.items()
    }
    served = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        served[name] = (family.type, labels.get(family.name, getattr(family, "_labelnames", ())))
    return served


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_metric_is_told(program: str, table: Table, code_in: Callable[[str], list[str]]) -> None:
    written = {}
    for name, kind, labels, *_ in table("metrics", program):
        written[code_in(name)[0]] = (kind, tuple(code_in(labels)))
    assert written == _served(*PROGRAMS[program]())


def test_names_are_prefixed() -> None:
    for program in PROGRAMS.values():
        for name in _served(*program()):
            assert re.match(r"pba_operator_|pba_sync_|process_", name), name
