"""The engine: what it applies and when, what it keeps, and what it tells of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.policies import enforcement, engine, kernel, processes
from pba_hack.cluster.local.policies.enforcement import ENFORCED, Record, standing
from pba_hack.cluster.local.policies.engine import Engine, look
from pba_hack.cluster.local.policies.known import Known


@dataclass
class Followed:
    """A list that is followed, or was."""

    objects: dict[str, Any]
    is_current: bool = True


@dataclass
class Kernel:
    """The nodes' first processes, their networks, and the rules that they were given."""

    running: dict[str, int] = field(default_factory=lambda: {"node1": 1001, "node2": 1002})
    given: list[tuple[int, str]] = field(default_factory=list)
    refuses: set[int] = field(default_factory=set)

    def apply(self, process: int, text: str) -> None:
        if process in self.refuses:
            raise ClusterError("nft: no")
        self.given.append((process, text))

    def first_process(self, _groups: object, node: str, *, from_hub: bool) -> int | None:
        assert from_hub
        return self.running.get(node)

    def taken(self) -> list[tuple[int, str]]:
        given, self.given = self.given, []
        return given


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(kernel, "apply", made.apply)
    monkeypatch.setattr(kernel, "network_of", lambda process: process * 10)
    monkeypatch.setattr(
        processes, "start_time", lambda process: process if process in made.running.values() else None
    )
    monkeypatch.setattr(processes, "first_process", made.first_process)
    return made


@dataclass
class Trial:
    """An engine and all that it looks at."""

    layout: Layout
    engine: Engine
    known: Known
    pods: Followed
    namespaces: Followed
    policies: Followed

    def look(self) -> None:
        look(self.engine, self.known, (self.pods, self.namespaces, self.policies))  # type: ignore[arg-type]

    def connect(self, node: str, name: str, address: str) -> None:
        """Let a pod get an address, as CNI notes it."""
        result = {"interfaces": [{"name": f"veth-{name}"}], "ips": [{"address": f"{address}/24"}]}
        folder = self.layout.folder / node / "cni" / "results"
        (folder / name).write_text(json.dumps({"cniArgs": [["K8S_POD_UID", name]], "result": result}))

    def schedule(self, name: str) -> None:
        """Let the API server tell of a pod."""
        self.pods.objects[name] = {
            "metadata": {"uid": name, "namespace": "x", "name": name, "labels": {"pod": name}},
            "spec": {"containers": []},
        }

    def standing(self) -> str:
        found = enforcement.read(self.layout.network_policies)
        assert found
        return standing(found, {"node1": 10010, "node2": 10020}, found[1])


@pytest.fixture
def trial(tmp_path: Path, nodes: Kernel) -> Trial:
    del nodes
    layout = Layout("x", tmp_path)
    for node in ("node1", "node2"):
        (layout.folder / node).mkdir(parents=True)
    made = Engine(layout)
    return Trial(
        layout, made, Known(), Followed({}), Followed({"/x": {"metadata": {"name": "x"}}}), Followed({})
    )


def policy(name: str) -> Mapping[str, Any]:
    return {"metadata": {"namespace": "x", "name": name}, "spec": {"podSelector": {}}}


def test_each_node_gets_its_rules_once(trial: Trial, nodes: Kernel) -> None:
    trial.look()
    given = dict(nodes.taken())
    assert set(given) == {1001, 1002}
    assert "10.244.1.0/24" in given[1001]
    assert "10.244.2.0/24" in given[1002]
    trial.look()
    assert nodes.taken() == []
    assert trial.standing() == ENFORCED


def test_a_pod_is_let_speak_when_it_is_connected_and_a_peer_everywhere(trial: Trial, nodes: Kernel) -> None:
    trial.policies.objects["x/p"] = policy("p")
    trial.schedule("a")
    trial.look()
    nodes.taken()
    trial.connect("node1", "a", "10.244.1.5")
    trial.look()
    [(process, text)] = nodes.taken()
    assert process == 1001
    assert '"veth-a" . 10.244.1.5' in text
    assert "x/p" in text


def test_a_change_that_no_rule_depends_on_costs_nothing(
    trial: Trial, nodes: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.schedule("a")
    trial.look()
    trial.connect("node1", "a", "10.244.1.5")
    trial.look()
    nodes.taken()
    monkeypatch.setattr(engine, "ruleset", lambda *_: pytest.fail("rules were written"))
    trial.pods.objects["a"]["status"] = {"phase": "Running"}
    trial.look()
    assert nodes.taken() == []


def test_a_node_that_was_started_again_gets_its_rules_again(trial: Trial, nodes: Kernel) -> None:
    trial.look()
    nodes.taken()
    del nodes.running["node2"]
    trial.look()
    assert trial.standing() == "not yet enforced on node2: their pods cannot speak"
    nodes.running["node2"] = 2002
    trial.look()
    assert [process for process, _ in nodes.taken()] == [2002]


def test_nothing_is_opened_before_all_lists_are_there(trial: Trial, nodes: Kernel) -> None:
    trial.policies.is_current = False
    trial.schedule("a")
    trial.look()
    assert nodes.taken() == []
    assert trial.standing() == "the last rules stand: the API server is not followed"


def test_a_new_pod_stays_closed_while_its_policies_may_be_missing(trial: Trial, nodes: Kernel) -> None:
    trial.look()
    nodes.taken()
    trial.policies.is_current = False
    trial.schedule("a")
    trial.connect("node1", "a", "10.244.1.5")
    trial.look()
    assert nodes.taken() == []
    trial.policies.is_current = True
    trial.policies.objects["x/p"] = policy("p")
    trial.look()
    [(_, text)] = nodes.taken()
    assert "x/p" in text
    assert trial.standing() == ENFORCED


def test_a_node_that_refuses_keeps_its_rules_and_holds_up_no_other(trial: Trial, nodes: Kernel) -> None:
    trial.look()
    nodes.taken()
    nodes.refuses = {1001}
    trial.policies.objects["x/p"] = policy("p")
    trial.schedule("a")
    trial.schedule("b")
    trial.connect("node1", "a", "10.244.1.5")
    trial.connect("node2", "b", "10.244.2.5")
    trial.look()
    assert [process for process, _ in nodes.taken()] == [1002]
    assert trial.standing() == "the last rules stand: node1: nft: no"
    nodes.refuses = set()
    trial.look()
    assert [process for process, _ in nodes.taken()] == [1001]
    assert trial.standing() == ENFORCED


def test_a_policy_that_cannot_be_understood_changes_nothing_and_is_told(trial: Trial, nodes: Kernel) -> None:
    trial.schedule("a")
    trial.look()
    trial.connect("node1", "a", "10.244.1.5")
    trial.look()
    nodes.taken()
    trial.policies.objects["x/p"] = {
        "metadata": {"namespace": "x", "name": "p"},
        "spec": {"podSelector": {"matchExpressions": [{"key": "pod", "operator": "Near"}]}},
    }
    trial.look()
    assert nodes.taken() == []
    assert "'Near'" in trial.standing()


def test_that_it_is_at_work_shows_in_the_records_time(trial: Trial) -> None:
    trial.look()
    os.utime(trial.layout.network_policies, (1, 1))
    trial.look()
    found = enforcement.read(trial.layout.network_policies)
    assert found
    assert found[1] > 1


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, "not yet enforced: pods cannot speak until the engine has begun"),
        ((Record({"node1": 7}), 1000.0), ENFORCED),
        (
            (Record({"node1": 7}), 985.0),
            "the engine was last at work 15 s ago: its last rules stand, new pods are closed",
        ),
        ((Record({"node1": 6}), 1000.0), "not yet enforced on node1: their pods cannot speak"),
        ((Record({}), 1000.0), "not yet enforced on node1: their pods cannot speak"),
        ((Record({"node1": 7, "node2": 1}), 1000.0), ENFORCED),
    ],
)
def test_how_it_stands(found: tuple[Record, float] | None, expected: str) -> None:
    assert standing(found, {"node1": 7}, 1000.0) == expected
