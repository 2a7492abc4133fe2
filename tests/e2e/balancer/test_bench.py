"""The cases of `hack/bench balancer` measure what they say, once and briefly."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.bench.balancer import equal, faults, lab
from pba_hack.bench.case import Trial
from pba_hack.progress import Progress


@pytest.mark.parametrize("figure", ["cpu", "throughput"])
def test_the_frontend_is_measured_beside_the_same_haproxy(figure: str, tmp_path: Path) -> None:
    measured = equal.measure(figure, Trial(tmp_path, Progress(), short=True))
    (one,) = measured.samples.raw()["rounds"]
    # the reach is the bench's; here only that neither is nothing, and nothing was lost on the way
    assert one["project"] > 0
    assert one["floor"] > 0
    assert measured.notes[0] == "0 requests failed, 0 were executed twice"


@pytest.mark.parametrize("case", ["slow-hits-1", "failing", "recovered"])
def test_a_node_turns_bad_behind_the_frontend_and_behind_its_peers(case: str, tmp_path: Path) -> None:
    trial = Trial(tmp_path, Progress(), short=True)
    measured = next(one for one in faults.CASES if one.id == case).measure(trial)
    samples = measured.samples.raw()
    assert len(samples["figures"]) == 1
    by_peer = dict(note.split(": ") for note in measured.notes if note.startswith("haproxy"))
    # leastconn takes a node that fails at once for a fast one, and sends a slow one some, and all have it back
    assert float(by_peer[faults.LEAST]) > 0


def test_the_network_has_room_for_so_many_nodes_and_says_when_not() -> None:
    assert lab.addresses(254)[-1] == "10.203.1.254:8080"
    with pytest.raises(ValueError, match="255 nodes"):
        lab.addresses(255)
