"""The engine of NetworkPolicies hangs, dies, loses a node: nothing opens, and it shows."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pba_wires.real import DENY_ALL, addresses, apply, follows, pods, policy, reached, server

from pba_hack.cluster import traces
from pba_hack.cluster.local.policies.enforcement import ENFORCED
from pba_hack.cluster.trial import TrialCluster
from pba_hack.waiting import wait_for


@pytest.fixture(scope="module", autouse=True)
def stage(running: TrialCluster) -> Iterator[None]:
    with pods(running):
        yield


@pytest.fixture(autouse=True)
def no_policies(running: TrialCluster) -> None:
    running.kubectl("delete", "networkpolicy", "--all", "-n", "x")


def engine(cluster: TrialCluster) -> int:
    for pid in traces.cluster_processes(cluster.name, "hub"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if b"policies.engine" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return 0


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_engine_that_hangs_leaves_its_rules_and_new_pods_closed_and_it_shows(
    running: TrialCluster,
) -> None:
    known = addresses(running)
    apply(running, policy("deny-all", podSelector={"matchLabels": {"pod": "a"}}, policyTypes=["Ingress"]))
    closed, still_open = f"{known['x/a']}:8080", f"{known['x/c']}:8080"
    follows(lambda: not reached(running, "x/b", closed), "closed")
    assert running.status()["network_policies"] == ENFORCED
    with stopped(engine(running)):
        apply(running, server("x/late", "node2"))
        running.kubectl("wait", "--for=condition=Ready", "pod/late", "-n", "x", "--timeout=60s")
        late = f"{running.get('pod', 'late', '-n', 'x')['status']['podIP']}:8080"
        assert reached(running, "x/b", closed, still_open, late) == {still_open}
        wait_for(
            "it shows",
            lambda: running.status()["network_policies"].startswith("the engine was last at work"),
            30,
        )
    follows(lambda: reached(running, "x/b", closed, late) == {late}, "the new pod is known")
    wait_for("it shows", lambda: running.status()["network_policies"] == ENFORCED, 30)
    running.kubectl("delete", "pod", "late", "-n", "x")


def test_an_engine_that_dies_opens_nothing_and_is_started_again(running: TrialCluster) -> None:
    target = f"{addresses(running)['x/a']}:8080"
    apply(running, policy("deny-all", **DENY_ALL))
    follows(lambda: not reached(running, "y/a", target), "closed")
    killed = wait_for("the engine", lambda: engine(running), 10)
    os.kill(killed, signal.SIGKILL)
    again = wait_for("another engine", lambda: engine(running) if engine(running) != killed else 0, 30)
    assert not reached(running, "y/a", target)
    running.kubectl("delete", "networkpolicy", "deny-all", "-n", "x")
    wait_for("it follows", lambda: reached(running, "y/a", target), 30)
    assert engine(running) == again


def test_a_node_that_comes_back_has_its_rules_again(running: TrialCluster) -> None:
    apply(running, policy("deny-b", podSelector={"matchLabels": {"pod": "b"}}, policyTypes=["Ingress"]))
    running.run("crash", "node2")
    running.run("restart", "node2")
    assert running.status()["network_policies"] == ENFORCED

    def flows() -> set[str]:
        known = addresses(running)
        there = {"x/b", "y/b"} & known.keys()
        return {name for name in there if reached(running, "y/a", f"{known[name]}:8080")}

    wait_for("its pods are back", lambda: flows() == {"y/b"}, 60)
