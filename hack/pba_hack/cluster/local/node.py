"""A node: containerd, kubelet and kube-proxy in namespaces and a root file system of their own.

The crash of a node is the end of its first process: the kernel then ends all its processes, its mounts and its
network. Its disk (images, volumes, logs) stays, so `start` on a crashed node brings it back as a reboot would.
"""

import json
import os
from pathlib import Path
from typing import Any

from pba_hack.cluster import resolv_conf
from pba_hack.cluster.local import addresses, network, pki
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.control_plane import Binaries
from pba_hack.cluster.local.images import PAUSE_IMAGE
from pba_hack.cluster.local.layout import Layout, node_name
from pba_hack.cluster.local.namespaces import start_node
from pba_hack.cluster.local.programs import Program, write_spec

__all__ = ["kubelet_configuration", "programs", "start"]

_CONTAINERD = "/run/containerd/containerd.sock"
_CONFIG = "/node/config"
_LOGS = "/var/log/node"
_BIN = "/opt/pba/bin"
_ROOT_SCRIPT = Path(__file__).parent / "node-root.sh"
_KILL_SECONDS = 20.0
_MIB = 1 << 20
_MACHINE_RESERVE = 2048 * _MIB
"""Memory for the control plane and for whoever works on the machine."""


def start(layout: Layout, groups: Groups, hub: int, number: int, of: int, binaries: Binaries) -> int:
    """Start a node and connect it to the hub's bridge.

    Args:
        layout: The cluster.
        groups: Its control groups.
        hub: The hub's first process.
        number: The node's number, from 1.
        of: How many nodes share the machine.
        binaries: The programs.

    Returns:
        The process identifier of the node's first process.
    """
    name = node_name(number)
    folder = layout.node(number)
    # What a crash left.
    groups.kill(name, seconds=_KILL_SECONDS)
    groups.remove(name)
    layout.node_logs(number).mkdir(parents=True, exist_ok=True)
    _write_configuration(layout, number, of)
    write_spec(folder / "spec.json", programs(number))
    logs = layout.node_logs(number)
    command: list[str | Path] = [
        _ROOT_SCRIPT,
        name,
        folder,
        logs,
        binaries.kubernetes,
        binaries.init,
        folder / "spec.json",
    ]
    pid = start_node(groups, name, hub, command, logs / "init.log")
    groups.settle(name)
    network.connect_node(hub, pid, number)
    return pid


def programs(number: int) -> list[Program]:
    """The programs of a node, with paths as the node sees them."""
    api = f"tcp:{addresses.HUB}:6443"
    kubelet = [
        f"{_BIN}/kubelet",
        f"--config={_CONFIG}/kubelet.json",
        f"--kubeconfig={_CONFIG}/kubelet.kubeconfig",
        f"--hostname-override={node_name(number)}",
        f"--node-ip={addresses.node_address(number)}",
    ]
    return [
        Program("containerd", ["/usr/bin/env", "containerd", f"--config={_CONFIG}/containerd.toml"],
                f"{_LOGS}/containerd.log"),
        Program("kubelet", kubelet, f"{_LOGS}/kubelet.log", [f"unix:{_CONTAINERD}", api]),
        Program("kube-proxy", [f"{_BIN}/kube-proxy", f"--config={_CONFIG}/kube-proxy.json"],
                f"{_LOGS}/kube-proxy.log", [api]),
    ]  # fmt: skip


def kubelet_configuration(of: int, memory: int) -> dict[str, Any]:
    """The kubelet's configuration.

    Args:
        of: How many nodes share the machine.
        memory: The machine's memory in bytes. Each node reports the whole machine, so each reserves what is not its
            share. Processors are shared: waiting for one is slow, running out of memory kills.
    """
    share = max(memory - _MACHINE_RESERVE, memory // 2) // of
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{_CONFIG}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{_CONFIG}/kubelet.crt",
        "tlsPrivateKeyFile": f"{_CONFIG}/kubelet.key",
        "containerRuntimeEndpoint": f"unix://{_CONTAINERD}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        # A lower score than the default needs CAP_SYS_RESOURCE, which a container or a small machine may not have.
        "oomScoreAdj": 0,
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        "clusterDNS": [addresses.CLUSTER_DNS],
        "clusterDomain": resolv_conf.DOMAIN,
        "resolvConf": "",
        "nodeStatusUpdateFrequency": "4s",
        "systemReserved": {"memory": f"{(memory - share) // _MIB}Mi", "cpu": "200m"},
        "enforceNodeAllocatable": ["pods"],
        # The machine's disk is nearly full for other reasons than ours; loaded images must never be collected.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
    }


def _proxy_configuration(number: int) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": f"{_CONFIG}/kube-proxy.kubeconfig"},
        "clusterCIDR": addresses.POD_NETWORK,
        "hostnameOverride": node_name(number),
        "healthzBindAddress": "0.0.0.0:10256",
        "oomScoreAdj": 0,
        # The table of connections is sized for the machine, not for each of its nodes.
        "conntrack": {"maxPerCore": 0},
    }


def _containerd_configuration() -> str:
    return f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{_CONFIG}/cni"
"""


def _write_configuration(layout: Layout, number: int, of: int) -> None:
    name = node_name(number)
    config = layout.node(number) / "config"
    (config / "cni").mkdir(parents=True, exist_ok=True)
    if not (layout.pki / f"{name}.crt").exists():
        pki.issue_node(layout, number)
    for file, source in {
        "ca.crt": "ca.crt",
        "kubelet.crt": f"{name}.crt",
        "kubelet.key": f"{name}.key",
        "kubelet.kubeconfig": f"{name}.kubeconfig",
        "kube-proxy.kubeconfig": "kube-proxy.kubeconfig",
    }.items():
        (config / file).write_bytes((layout.pki / source).read_bytes())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (config / "kubelet.json").write_text(json.dumps(kubelet_configuration(of, memory), indent=1))
    (config / "kube-proxy.json").write_text(json.dumps(_proxy_configuration(number), indent=1))
    (config / "containerd.toml").write_text(_containerd_configuration())
    (config / "cni" / "10-pba.conflist").write_text(json.dumps(network.cni_configuration(number), indent=1))
