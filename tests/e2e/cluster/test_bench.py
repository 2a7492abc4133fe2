"""The cases of `hack/bench balancer` that bring a cluster up measure what they say, once and briefly."""

from __future__ import annotations

from pathlib import Path

from pba_hack.bench.balancer.cases import CASES
from pba_hack.bench.balancer.nodes import outside
from pba_hack.bench.case import Trial
from pba_hack.bench.reach import Reach
from pba_hack.cluster.trial import TrialCluster
from pba_hack.progress import Progress


def test_a_machine_that_crashes_costs_a_plain_service_more_than_the_frontend(tmp_path: Path) -> None:
    case = next(one for one in CASES if one.id == "crash-failed")
    of = case.measure(Trial(tmp_path, Progress(), short=True))
    (figure,) = of.samples.raw()["figures"]
    (peer,) = of.samples.result(Reach.parse(case.reach)).peers.values()
    assert figure < peer
    assert any("0 of them not executed" in note for note in of.notes)
    assert TrialCluster(outside.NAME).status()["state"] == "down"
