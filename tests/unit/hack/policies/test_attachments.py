"""Which pod has which address, by what CNI keeps, and by what the API server tells."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pba_hack.cluster.local.policies.attachments import Attachment, Reader, parse
from pba_hack.cluster.local.policies.known import Known
from pba_hack.cluster.local.policies.world import NAME_SERVER, NamedPort


def kept(uid: str, address: str = "10.244.1.5", interface: str = "veth1") -> dict[str, Any]:
    """What libcni keeps of a sandbox, without what is none of our business."""
    return {
        "kind": "cniCacheV1",
        "containerId": f"sandbox-of-{uid}",
        "ifName": "eth0",
        "cniArgs": [["IgnoreUnknown", "1"], ["K8S_POD_NAMESPACE", "x"], ["K8S_POD_UID", uid]],
        "result": {
            "cniVersion": "1.0.0",
            "interfaces": [
                {"name": interface, "mac": "c6:85:8c:64:ab:bc"},
                {"name": "eth0", "mac": "f6:a8:ae:22:0d:d6", "sandbox": "/var/run/netns/cni-1"},
            ],
            "ips": [
                {"interface": 1, "address": "fd00::5/64"},
                {"interface": 1, "address": f"{address}/24", "gateway": "10.244.1.1"},
            ],
        },
    }


def pod(uid: str, name: str = "p", **spec: Any) -> dict[str, Any]:
    meta = {"uid": uid, "namespace": "x", "name": name, "labels": {"pod": name}}
    return {"metadata": meta, "spec": {"containers": [{"name": "main"}], **spec}}


def test_a_file_tells_address_interface_and_pod() -> None:
    found = parse(json.dumps(kept("u1")).encode(), "node1")
    assert found == Attachment("node1", "10.244.1.5", "veth1", "u1")


def test_a_file_of_no_pod_is_left_out() -> None:
    content = {**kept("u1"), "cniArgs": None}
    assert parse(json.dumps(content).encode(), "node1") is None


def test_what_is_not_whole_yet_is_read_the_next_time(tmp_path: Path) -> None:
    reader, content = Reader("node1", tmp_path), json.dumps(kept("u1"))
    assert reader.read() == []
    file = tmp_path / "pba-sandbox-eth0"
    file.write_text(content[:99])
    assert reader.read() == []
    file.write_text(content)
    assert [found.uid for found in reader.read()] == ["u1"]
    file.unlink()
    assert reader.read() == []


def test_of_two_with_one_address_the_later_counts(tmp_path: Path) -> None:
    for name, uid, written in (("a", "new", 2_000), ("b", "old", 1_000)):
        (tmp_path / name).write_text(json.dumps(kept(uid)))
        os.utime(tmp_path / name, (written, written))
    assert [found.uid for found in Reader("node1", tmp_path).read()] == ["new"]


def test_it_is_behind_when_something_was_connected_or_disconnected_or_is_not_whole(tmp_path: Path) -> None:
    os.utime(tmp_path, ns=(1, 1))
    reader, file = Reader("node1", tmp_path), tmp_path / "pba-sandbox-eth0"
    assert reader.is_behind()
    reader.read()
    assert not reader.is_behind()
    file.write_text("{")
    assert reader.is_behind()
    reader.read()
    assert reader.is_behind(), "it is not whole yet, and the folder does not change when it is"
    file.write_text(json.dumps(kept("u1")))
    reader.read()
    assert not reader.is_behind()
    os.utime(tmp_path, ns=(1, 1))
    assert reader.is_behind()


ATTACHMENTS = [Attachment("node1", "10.244.1.5", "veth1", "u1")]


def test_a_pod_is_what_both_know_of() -> None:
    known = Known()
    known.learn([pod("u1"), pod("u2")], [{"metadata": {"name": "x", "labels": {"a": "b"}}}], [])
    [server, found] = known.world([*ATTACHMENTS, Attachment("node1", "10.244.1.6", "veth2", "u3")]).pods
    assert server is NAME_SERVER
    assert (found.name, found.address, found.interface, found.node) == ("p", "10.244.1.5", "veth1", "node1")
    assert found.labels == {"pod": "p"}
    assert known.world([]).namespaces == {"x": {"a": "b"}}


def test_a_deleted_pod_counts_until_it_is_disconnected() -> None:
    known = Known()
    known.learn([pod("u1")], [], [])
    known.learn([], [], [])
    assert len(known.world(ATTACHMENTS).pods) == 2
    assert len(known.world([]).pods) == 1
    assert len(known.world(ATTACHMENTS).pods) == 1, "it is forgotten"


def test_a_pod_of_the_same_name_is_another_one() -> None:
    known = Known()
    known.learn([pod("u1")], [], [])
    again = pod("u2")
    again["metadata"]["labels"] = {"pod": "other"}
    known.learn([again], [], [])
    both = [*ATTACHMENTS, Attachment("node1", "10.244.1.6", "veth2", "u2")]
    assert [one.labels["pod"] for one in known.world(both).pods[1:]] == ["p", "other"]


def test_ports_have_names_in_containers_that_go_on() -> None:
    known = Known()
    port = {"name": "web", "containerPort": 8080}
    known.learn(
        [
            pod(
                "u1",
                containers=[{"name": "main", "ports": [port, {"containerPort": 1}]}],
                initContainers=[
                    {"name": "side", "restartPolicy": "Always", "ports": [{**port, "protocol": "UDP"}]},
                    {"name": "once", "ports": [{**port, "containerPort": 9}]},
                ],
            )
        ],
        [],
        [],
    )
    [_, found] = known.world(ATTACHMENTS).pods
    assert found.ports == (NamedPort("web", "tcp", 8080), NamedPort("web", "udp", 8080))
