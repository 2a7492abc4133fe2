"""Faults on real nodes under clients that never retry: machines crash or are cut off, pods freeze or are killed.

The short form, part of every `./hack/test`, crashes the machine of each part once. `./hack/test chaos` is the long one
(pytest's `--long`): it repeats that at other moments and adds all the other faults.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pba_nodes.evidence import pytest_runtest_makereport
from pba_nodes.faults import Faults
from pba_nodes.fixtures import images, manifest, operator, shared_namespace
from pba_nodes.stage import Stage, placement

from pba_hack.kubectl import Kubectl
from pba_hack.traffic.shopper import Shopper

__all__ = ["images", "manifest", "operator", "pytest_runtest_makereport", "shared_namespace"]

Json = dict[str, Any]

SHORT = (("crash", 1),)
LONG = (*SHORT, ("crash", 2), ("crash", 3), ("partition", 1), ("partition", 2))
SEEDS = (1, 2)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`."""
    parser.addoption("--long", action="store_true", help="chaos: all faults, and each of them repeatedly")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of what the short form leaves out."""
    config.addinivalue_line("markers", "long: only with --long")


FIGURES = pytest.StashKey[dict[str, dict[str, object]]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests counted: a record of a run has more in it than its verdict."""
    for test, figures in terminalreporter.config.stash.get(FIGURES, {}).items():
        terminalreporter.section(test, sep="-")
        for what, figure in figures.items():
            terminalreporter.write_line(f"{what}: {figure}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only for the long form."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests their faults, each with the seed of its moment."""
    if "fault" in metafunc.fixturenames:
        cases = LONG if metafunc.config.getoption("--long") else SHORT
        metafunc.parametrize(("fault", "seed"), cases, ids=[f"{fault}-{seed}" for fault, seed in cases])
    elif "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS)


@pytest.fixture(scope="session")
def stage(operator: Kubectl, shared_namespace: Kubectl, manifest: Callable[..., Json]) -> Iterator[Stage]:
    """Return the PBACluster `shop`, Ready, with its roles where the tests want them."""
    made = Stage(shared_namespace, operator, Faults())
    try:
        for role in ("database", "management"):
            made.label(role, (made.home,))
        made.label("frontend", (made.home, made.second))
        made.label("backend", (made.home, made.second))
        # Where the first test wants it: it moves while the database starts.
        made.pin_operator(made.third)
        shared_namespace.apply(manifest("shop", **placement("shop")))
        shared_namespace.wait_ready("shop")
        yield made
    finally:
        for role in ("database", "management", "frontend", "backend"):
            made.label(role, ())
        made.pin_operator(None)
        made.await_operator()


@pytest.fixture(autouse=True)
def undone(stage: Stage) -> Iterator[None]:
    """Undo, whatever a test came to, what it broke: the next one finds everything Ready."""
    yield
    stage.mend()


@pytest.fixture
def shopper() -> Shopper:
    """Return the customer of one test."""
    return Shopper()


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return where a test puts what it counted."""
    kept: dict[str, dict[str, object]] = request.config.stash.setdefault(FIGURES, {})
    return kept.setdefault(request.node.name, {})


@pytest.fixture
def orders_before(seed: int) -> int:
    """Return how many orders are made before the fault: its moment."""
    return random.Random(seed).randint(10, 40)  # noqa: S311 - no secret
