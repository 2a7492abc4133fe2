"""What the cluster's parts are told."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from pba_hack.cluster import cli, entering, waiting
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import addresses, control_plane, dns, network, node, pki
from pba_hack.cluster.local.control_plane import Binaries
from pba_hack.cluster.local.dns_probe import resolves
from pba_hack.cluster.local.layout import Layout

GIB = 1 << 30
MANIFESTS = Path(network.__file__).parent / "manifests"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout("x", tmp_path)
    made.folder.mkdir()
    return made


def verify(layout: Layout, certificate: str, authority: str) -> bool:
    command: list[str | Path] = [
        "openssl",
        "verify",
        "-CAfile",
        layout.pki / f"{authority}.crt",
        layout.pki / f"{certificate}.crt",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_each_part_has_an_identity_that_its_authority_vouches_for(layout: Layout) -> None:
    pki.create(layout)
    pki.issue_node(layout, 2)
    assert verify(layout, "node2", "ca")
    assert verify(layout, "apiserver", "ca")
    assert verify(layout, "front-proxy", "front-proxy-ca")
    assert not verify(layout, "front-proxy", "ca")
    subject: list[str | Path] = [
        "openssl",
        "x509",
        "-noout",
        "-subject",
        "-ext",
        "subjectAltName",
        "-in",
        layout.pki / "node2.crt",
    ]
    text = subprocess.run(subject, capture_output=True, text=True, check=True).stdout
    assert "O = system:nodes, CN = system:node:node2" in text
    assert addresses.node_address(2) in text


def test_keys_are_for_root_only(layout: Layout) -> None:
    pki.create(layout)
    assert layout.pki.stat().st_mode & 0o077 == 0
    assert layout.kubeconfig.stat().st_mode & 0o077 == 0
    config = json.loads(layout.kubeconfig.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://172.30.0.1:6443"


@pytest.mark.parametrize(("memory", "nodes"), [(24 * GIB, 3), (24 * GIB, 1), (8 * GIB, 20), (2 * GIB, 3)])
def test_nodes_together_never_promise_more_memory_than_there_is(memory: int, nodes: int) -> None:
    reserved = node.kubelet_configuration(nodes, memory)["systemReserved"]["memory"]
    share = memory - (int(reserved.removesuffix("Mi")) << 20)
    assert share > 0
    assert share * nodes <= memory


def test_loaded_images_are_never_collected() -> None:
    assert node.kubelet_configuration(3, 24 * GIB)["imageGCHighThresholdPercent"] == 100


def test_pods_of_different_nodes_have_different_addresses() -> None:
    configurations = [network.cni_configuration(number) for number in (1, 2)]
    subnets = [item["plugins"][0]["ipam"]["ranges"][0][0]["subnet"] for item in configurations]
    assert subnets == ["10.244.1.0/24", "10.244.2.0/24"]


def test_a_program_waits_for_what_it_needs(layout: Layout) -> None:
    binaries = Binaries(Path("/b"), Path("/b/init"), Path("/b/coredns"), Path("/b/lpp"), Path("/b/busybox"))
    programs = {program.name: program for program in control_plane.programs(layout, binaries)}
    assert list(programs["kube-apiserver"].after) == ["tcp:127.0.0.1:2379"]
    assert list(programs["kube-scheduler"].after) == [f"file:{layout.api_ready}"]
    assert list(programs["coredns"].after) == [f"file:{layout.objects_applied}"]
    assert all(program.log.startswith(str(layout.logs)) for program in programs.values())


def test_the_api_server_lets_aggregated_apis_work(layout: Layout) -> None:
    binaries = Binaries(Path("/b"), Path("/b/init"), Path("/b/coredns"), Path("/b/lpp"), Path("/b/busybox"))
    [server] = [p for p in control_plane.programs(layout, binaries) if p.name == "kube-apiserver"]
    options = {word.partition("=")[0] for word in server.command}
    assert {"--requestheader-client-ca-file", "--proxy-client-cert-file", "--audit-log-path"} <= options
    assert "--enable-aggregator-routing=true" in server.command


def test_names_are_answered_forwards_and_backwards(layout: Layout) -> None:
    dns.write_configuration(layout)
    corefile = (layout.folder / "Corefile").read_text()
    assert "kubernetes cluster.local in-addr.arpa ip6.arpa" in corefile
    assert "forward" not in corefile
    assert layout.resolv_conf.read_text().startswith("nameserver 172.30.0.2\n")


def test_the_name_server_is_not_at_the_api_servers_address(layout: Layout) -> None:
    """A NetworkPolicy that lets pods ask for names must not open the API server."""
    dns.write_configuration(layout)
    assert f"bind {addresses.NAME_SERVER}\n" in (layout.folder / "Corefile").read_text()
    assert f"addresses: [{addresses.NAME_SERVER}]" in (MANIFESTS / "dns.yaml").read_text()
    assert addresses.NAME_SERVER != addresses.HUB


def test_our_programs_have_rights_and_their_reads_are_not_audited() -> None:
    ours = [identity.user for identity in pki.CLIENTS if identity.user.startswith("pba:")]
    assert "pba:network-policies" in ours
    roles = "".join(path.read_text() for path in MANIFESTS.glob("*.yaml"))
    silent = (MANIFESTS.parent / "audit-policy.yaml").read_text()
    for user in ours:
        assert f'kind: User, name: "{user}"' in roles
        assert f"- {user}\n" in silent


def test_the_engine_of_policies_waits_for_its_rights(layout: Layout) -> None:
    binaries = Binaries(Path("/b"), Path("/b/init"), Path("/b/coredns"), Path("/b/lpp"), Path("/b/busybox"))
    [engine] = [p for p in control_plane.programs(layout, binaries) if p.name == "network-policies"]
    assert list(engine.command[-2:]) == ["pba_hack.cluster.local.policies.engine", layout.name]
    assert list(engine.after) == [f"file:{layout.objects_applied}"]


def test_exec_finds_the_clusters_tools_first(layout: Layout) -> None:
    environment = entering.environment(
        layout, "local", {"PATH": "/usr/bin", "HTTPS_PROXY": "http://proxy", "KEPT": "1"}
    )
    assert environment["PATH"] == f"{layout.bin}:/usr/bin"
    assert environment["KUBECONFIG"] == str(layout.kubeconfig)
    assert environment["PBA_CLUSTER_PROVIDER"] == "local"
    assert environment["NO_PROXY"] == "*"
    assert environment["KEPT"] == "1"


def test_exec_passes_words_as_they_are(layout: Layout) -> None:
    line = entering.command_line(layout, 42, ["sh", "-c", "echo 'a b'"])
    assert line[:2] == ["nsenter", "--net=/proc/42/ns/net"]
    assert line[-3:] == ["sh", "-c", "echo 'a b'"]


@pytest.mark.parametrize(("code", "answers", "expected"), [(0, 1, True), (0, 0, False), (3, 0, False)])
def test_a_name_server_is_asked(
    code: int, answers: int, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)

        def answer() -> None:
            question, asker = server.recvfrom(512)
            assert b"\x0akubernetes\x07default\x00" in question
            head = question[:2] + (0x8000 | code).to_bytes(2, "big") + b"\0\1" + answers.to_bytes(2, "big")
            server.sendto(head + question[8:], asker)

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setattr("pba_hack.cluster.local.dns_probe.PORT", server.getsockname()[1])
        assert resolves("127.0.0.1", "kubernetes.default", 10) is expected
        thread.join(10)


def test_waiting_ends_when_it_is_so_and_when_time_is_over() -> None:
    answers = iter([False, True])
    waiting.until(lambda: next(answers), 10, "it")
    with pytest.raises(ClusterError, match=r"after 0 s still not: it\. refused"):
        waiting.until(lambda: _raise("refused"), 0, "it")


def _raise(message: str) -> bool:
    raise ConnectionError(message)


@pytest.mark.parametrize("words", [["up", "--name", "a"], ["--name", "a", "up"]])
def test_the_name_may_stand_on_either_side(words: list[str]) -> None:
    assert cli._parser().parse_args(words).name == "a"


def test_exec_takes_options_of_the_command() -> None:
    options = cli._parser().parse_args(["exec", "--name", "a", "--", "kubectl", "get", "pods", "--name", "b"])
    assert options.name == "a"
    assert cli._without_dashes(options.words) == ["kubectl", "get", "pods", "--name", "b"]


def test_a_bad_name_ends_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--name", "A/B"]) == 1
    assert "cannot be a cluster's name" in capsys.readouterr().err
