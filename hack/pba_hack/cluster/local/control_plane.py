"""The hub: the network's bridge, and the programs of the control plane and of what serves the whole cluster."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pba_hack import etcd
from pba_hack.checkout import HACK
from pba_hack.cluster import resolv_conf
from pba_hack.cluster.local import addresses, dns, storage
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.namespaces import start_hub
from pba_hack.cluster.local.programs import Program, write_spec

__all__ = ["Binaries", "programs", "start"]

_ETCD = "127.0.0.1:2379"
_LOAD_BALANCER = "pba_hack.cluster.local.load_balancer"
_NETWORK_POLICIES = "pba_hack.cluster.local.policies.engine"
_AUDIT_POLICY = Path(__file__).parent / "audit-policy.yaml"


@dataclass(frozen=True)
class Binaries:
    """Where the programs are."""

    kubernetes: Path
    """The folder with a link for each component."""
    init: Path
    coredns: Path
    local_path_provisioner: Path
    busybox: Path
    """Statically linked."""


def start(layout: Layout, groups: Groups, binaries: Binaries) -> int:
    """Start the control plane.

    Returns:
        The process identifier of the hub's first process.
    """
    spec = layout.folder / "hub.json"
    write_spec(spec, programs(layout, binaries))
    return start_hub(groups, [binaries.init, spec], layout.logs / "hub.log")


def programs(layout: Layout, binaries: Binaries) -> list[Program]:
    """All programs of the hub."""

    def program(name: str, arguments: Sequence[str], *after: str) -> Program:
        command = [str(binaries.kubernetes / name), *arguments]
        return Program(name, command, str(layout.logs / f"{name}.log"), after)

    def own(name: str, module: str, argument: str) -> Program:
        python = ["/usr/bin/env", f"PYTHONPATH={HACK}", sys.executable, "-B", "-m", module]
        return Program(name, [*python, argument], str(layout.logs / f"{name}.log"), objects)

    api = f"file:{layout.api_ready}"
    objects = [f"file:{layout.objects_applied}"]
    return [
        program("etcd", _etcd(layout)),
        program("kube-apiserver", _api_server(layout), f"tcp:{_ETCD}"),
        program("kube-controller-manager", _controller_manager(layout), api),
        program("kube-scheduler", _scheduler(layout), api),
        dns.program(layout, binaries.coredns, objects),
        storage.program(layout, binaries.local_path_provisioner, objects),
        own("load-balancer", _LOAD_BALANCER, str(layout.pki)),
        own("network-policies", _NETWORK_POLICIES, layout.name),
    ]


def _etcd(layout: Layout) -> list[str]:
    # Without fsync: the data of a cluster for tests need not outlive the machine.
    return [
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls=http://{_ETCD}",
        f"--advertise-client-urls=http://{_ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",
        etcd.PROGRESS,
        "--log-level=warn",
    ]


def _api_server(layout: Layout) -> list[str]:
    pki = layout.pki
    return [
        f"--etcd-servers=http://{_ETCD}",
        f"--service-cluster-ip-range={addresses.SERVICE_NETWORK}",
        f"--advertise-address={addresses.HUB}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-account-issuer=https://kubernetes.default.svc.{resolv_conf.DOMAIN}",
        # Nodes' names are not in any name server that the API server asks.
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        f"--requestheader-client-ca-file={pki / 'front-proxy-ca.crt'}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki / 'front-proxy.crt'}",
        f"--proxy-client-key-file={pki / 'front-proxy.key'}",
        # No kube-proxy in the hub: aggregated APIs and webhooks are called by their endpoints' addresses.
        "--enable-aggregator-routing=true",
        f"--audit-policy-file={_AUDIT_POLICY}",
        f"--audit-log-path={layout.audit_log}",
        "--audit-log-maxsize=1024",
        "--profiling=false",
    ]


def _controller_manager(layout: Layout) -> list[str]:
    pki = layout.pki
    kubeconfig = pki / "controller-manager.kubeconfig"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        f"--cluster-signing-cert-file={pki / 'ca.crt'}",
        f"--cluster-signing-key-file={pki / 'ca.key'}",
        "--use-service-account-credentials=true",
        # Each controller first makes an account and a token of its own: by default that alone takes seconds.
        "--kube-api-qps=200",
        "--kube-api-burst=400",
        "--leader-elect=false",
        "--profiling=false",
    ]


def _scheduler(layout: Layout) -> list[str]:
    kubeconfig = layout.pki / "scheduler.kubeconfig"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--profiling=false",
    ]
