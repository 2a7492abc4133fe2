"""The tiers of the test pyramid: what each runs and what it needs.

One fact in one place: `hack/test --help`, the order of a full run and the coverage gate all come from this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tier:
    """One tier.

    `side_by_side`: folders below `tests/` that run on this machine, in several processes: they share nothing of the
    machine's; those that take long first, so that none is waited for alone. `processes`: in so many; None: one for each
    processor, at most four. `alone`: folders that run on this machine in one process, but for those below them that are
    `side_by_side`. `in_cluster`: folders that run inside the local cluster's network, with the operator installed.
    `covers`: its branch coverage counts for the gate. `when_named`: pytest options of the long form, which is run when
    the tier is asked for by its name. `apart`: a full run leaves it out, because its tests are another tier's, or what
    they need takes minutes to build. `programs`: of `hack/cluster binary`, built before the tests that run on this
    machine: that may take longer than a test may.
    """

    name: str
    summary: str
    side_by_side: tuple[str, ...] = ()
    processes: int | None = None
    alone: tuple[str, ...] = ()
    in_cluster: tuple[str, ...] = ()
    covers: bool = False
    when_named: tuple[str, ...] = ()
    apart: bool = False
    programs: tuple[str, ...] = ()

    def sharing(self) -> list[str]:
        """Return the options of pytest-xdist for tests that run side by side."""
        processes = ["logical", "--maxprocesses", "4"] if self.processes is None else [str(self.processes)]
        return ["-n", *processes, "--no-loadscope-reorder"]


TIERS = (
    Tier(
        "unit",
        "pure logic; no cluster, no server",
        side_by_side=("unit",),
        covers=True,
        programs=("gitops", "helm", "loadlab"),
    ),
    Tier(
        "model",
        "the engine and the planner on a simulated cluster",
        side_by_side=("model",),
        covers=True,
    ),
    Tier(
        "apiserver",
        "a real etcd and API server, one for each process",
        side_by_side=("apiserver",),
        processes=4,  # most of what they do is wait
        covers=True,
        programs=("kubernetes", "helm", "kwok"),
    ),
    Tier(
        "e2e",
        "real mysqld, HAProxy and nodes",
        side_by_side=("e2e/bench", "e2e/balancer/requests", "e2e/mysql", "e2e/demoapp"),
        alone=("e2e/balancer", "e2e/network", "e2e/cluster", "e2e/images"),
        in_cluster=("e2e/operator",),
        programs=("kubernetes", "loadlab", "caddy", "envoy"),
    ),
    Tier(
        "chaos",
        "faults on real nodes; by its name the long form, in a full run the short one",
        in_cluster=("chaos",),
        when_named=("--long",),
    ),
    Tier(
        "bench",
        "the cases of hack/bench, each once and briefly (hack/bench gives the figures)",
        alone=("apiserver/bench",),
        apart=True,
        programs=("kubernetes", "kwok"),
    ),
    Tier(
        "ingress",
        "a real Ingress controller, Contour, before real frontends; five minutes to build it the first time",
        alone=("ingress",),
        apart=True,
        programs=("kubernetes", "contour", "envoy"),
    ),
)

BY_NAME = {tier.name: tier for tier in TIERS}
