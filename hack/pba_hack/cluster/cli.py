"""The command line of `hack/cluster`."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pba_hack.checkout import CHECKOUT
from pba_hack.cluster import binaries, choice, names
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.kind.provider import KindProvider
from pba_hack.cluster.local.provider import LocalProvider
from pba_hack.cluster.provider import DEFAULT_NODES, Provider, Status
from pba_hack.progress import CommandFailedError, Progress

__all__ = ["main"]

_NODE_FAULTS = {
    "crash": "end a node as a power failure would; its disk stays",
    "restart": "bring a crashed node back, or crash one and bring it back; returns when it is Ready",
    "partition": "cut a node off from everything else; what runs on it goes on",
    "heal": "connect a node again that was cut off",
}
_POD_FAULTS = {
    "freeze": "stop a pod's processes where they are",
    "thaw": "let a frozen pod go on",
    "kill": "kill a pod's processes; the kubelet starts its containers again",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns its exit status."""
    options = _parser().parse_args(arguments)
    progress = Progress()
    try:
        if options.command == "binary":
            print(binaries.binary(options.program, progress))
            return 0
        name = names.checked(options.name) if "name" in options else names.default(CHECKOUT)
        return _run(options, _provider(options, name, progress), progress)
    except (ClusterError, CommandFailedError) as error:
        print(f"hack/cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hack/cluster: interrupted; `hack/cluster up` or `down` goes on from here", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, provider: Provider, progress: Progress) -> int:
    match options.command:
        case "up":
            provider.up(options.nodes)
            progress.say(
                f"up in {progress.seconds:.1f} s; look around with: hack/cluster exec -- kubectl get nodes"
            )
        case "down":
            provider.down()
        case "status":
            status = provider.status()
            print(json.dumps(asdict(status), indent=2) if options.json else _describe(status))
            return 0 if status.state == "up" else 3
        case "exec":
            provider.exec(_without_dashes(options.words))
        case "load":
            provider.load(options.archives)
        case "crash" | "restart" | "partition" | "heal":
            getattr(provider.faults(), options.command)(options.node)
        case "freeze" | "thaw" | "kill":
            getattr(provider.faults(), options.command)(options.namespace, options.pod, options.container)
        case "logs":
            provider.logs(options.folder)
            print(options.folder)
    return 0


def _provider(options: argparse.Namespace, name: str, progress: Progress) -> Provider:
    if choice.chosen(getattr(options, "provider", "")) == "kind":
        return KindProvider(name, progress)
    return LocalProvider(name, progress)


def _describe(status: Status) -> str:
    lines = [f"{status.name} ({status.provider}): {status.state}"]
    lines += [
        f"  {node.name} {node.address} {'Ready' if node.ready else 'not ready'}" for node in status.nodes
    ]
    if status.kubeconfig:
        lines.append(f"  kubeconfig: {status.kubeconfig}")
    if status.audit_log:
        lines.append(f"  audit log: {status.audit_log}")
    if status.network_policies:
        lines.append(f"  NetworkPolicies: {status.network_policies}")
    if status.logs:
        lines.append(f"  logs: {status.logs}")
    return "\n".join(lines)


def _without_dashes(words: Sequence[str]) -> Sequence[str]:
    command = words[1:] if words[:1] == ["--"] else words
    if not command:
        raise ClusterError("exec needs a command: hack/cluster exec -- kubectl get pods")
    return command


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--name", help="which cluster (default: named after the checkout's path)")
    common.add_argument(
        "--provider",
        choices=choice.CHOICES,
        help=f"kind (in Docker) or local (without; Linux, root); default: ${choice.VARIABLE}, or else auto: "
        "kind where a Docker engine answers, otherwise local",
    )
    parser = argparse.ArgumentParser(prog="hack/cluster", description=__doc__, parents=[common])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, parents=[common])

    up = add("up", "bring the cluster up, or complete it; returns when it is usable")
    up.add_argument("--nodes", type=int, help=f"how many worker nodes (default {DEFAULT_NODES})")
    add("down", "remove the cluster and all that belongs to it")
    status = add("status", "say how the cluster is; exit status 3 unless it is up")
    status.add_argument("--json", action="store_true", help="for programs")
    run = add("exec", "run a command inside of the cluster's network, with KUBECONFIG, kubectl and helm")
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- CMD...")
    load = add("load", "put the images of OCI archives on all nodes")
    load.add_argument("archives", nargs="+", type=Path, metavar="FILE.tar")
    logs = add("logs", "copy the logs of nodes, control plane and pods into a folder, and print its path")
    logs.add_argument(
        "folder", nargs="?", type=Path, default=Path("test-results/cluster-logs"), metavar="DIR"
    )
    for name, text in _NODE_FAULTS.items():
        add(name, text).add_argument("node", metavar="NODE", help="node1, node2, ...")
    for name, text in _POD_FAULTS.items():
        fault = add(name, text)
        fault.add_argument("pod", metavar="POD")
        fault.add_argument("--namespace", "-n", default="default", help="of the pod (default: default)")
        fault.add_argument("--container", "-c", default="", help="only this one (default: all of the pod)")
    program = add("binary", "build a program if it is not in the cache, and print its path")
    program.add_argument("program", metavar="NAME", help=", ".join(binaries.NAMES))
    return parser
