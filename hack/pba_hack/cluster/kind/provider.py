"""Drives `kind`, and hands its cluster out under the same commands as the local one.

Docker knows which containers there are. What is recorded beside (in the cache, with the client configurations) only
tells a cluster that is whole from one whose `up` was killed; without a record, a cluster that exists counts as whole.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pba_hack import cache
from pba_hack.cluster import binaries, entering, resolv_conf, state, tools
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.kind import inside, nodes
from pba_hack.cluster.layout import CommonLayout
from pba_hack.cluster.provider import DEFAULT_NODES, NodeStatus, Status
from pba_hack.cluster.state import State
from pba_hack.cluster.waiting import until
from pba_hack.progress import Progress, run

__all__ = ["NODE_IMAGE", "NODE_IMAGE_VARIABLE", "KindProvider", "Runner"]

Runner = Callable[[Sequence[str]], None]
"""Runs a command whose output is for a log; raises when it fails."""

_CONFIG = Path(__file__).parent / "kind.yaml"
NODE_IMAGE = "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0"
"""Of the Kubernetes that all is tried on; kind's own default is two versions ahead of our kubectl. The digest is from
the release notes of the kind that `binaries` builds."""
NODE_IMAGE_VARIABLE = "PBA_KIND_NODE_IMAGE"
"""The environment variable that names another image for new nodes: one of a mirror, or one that the engine has already:
`docker tag` takes no digest, so none that was made by hand can bear the name above."""
_CONTROL_PLANE = "-control-plane"
_USABLE_SECONDS = 180.0


class KindProvider:
    """A cluster of containers, named `pba-NAME`."""

    def __init__(
        self,
        name: str,
        progress: Progress,
        runner: Runner | None = None,
        ask: Callable[[Sequence[str]], str] | None = None,
    ) -> None:
        self._layout = CommonLayout(name, cache.root() / "kind")
        self._cluster = f"pba-{name}"
        self._progress = progress
        self._run = runner or _run_with_log
        self._ask = ask or _output_of

    def up(self, nodes: int | None) -> None:
        """Bring the cluster up; of one that is there stopped nodes are started, a half-made one is made anew."""
        if nodes is not None and nodes < 1:
            raise ClusterError(f"a cluster has at least 1 node, not {nodes}")
        with state.locked(self._layout, self._progress):
            record = state.read(self._layout)
            there = self._exists()
            if there and record is not None and record.phase == "starting":
                self._progress.say(f"what is left of an earlier {self._layout.name} is cleared away")
                self._delete()
                there = False
            self._layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            workers = self._complete(nodes) if there else self._create(nodes or DEFAULT_NODES)
            self._await_usable()
            state.write(self._layout, State("ready", workers))

    def down(self) -> None:
        """Delete the cluster."""
        with state.locked(self._layout, self._progress):
            self._delete()

    def status(self) -> Status:
        """Say how the cluster is."""
        name, record = self._layout.name, state.read(self._layout)
        if not self._exists():
            return Status(name, "kind", "down", (), None, None, None)
        if record is None or record.phase != "ready":
            return Status(name, "kind", "partial", (), None, None, None)
        kubeconfig = str(self._layout.kubeconfig)
        try:
            found = self._nodes()
        except ClusterError as error:
            self._progress.say(str(error))
            return Status(name, "kind", "partial", (), kubeconfig, None, None)
        up = all(node.ready for node in found)
        return Status(name, "kind", "up" if up else "partial", found, kubeconfig, None, None)

    def exec(self, command: Sequence[str]) -> NoReturn:
        """Become the command inside of the network of the control plane's node."""
        record = state.read(self._layout)
        if record is None or record.phase != "ready":
            raise ClusterError(f"there is no cluster {self._layout.name}: run `hack/cluster up`")
        process = inside.first_process(self._cluster + _CONTROL_PLANE, self._layout, self._ask)
        tools.link(self._layout.bin)
        words = entering.command_line(self._layout, process, command)
        environment = entering.environment(self._layout, "kind", os.environ)
        environment["KUBECONFIG"] = str(inside.kubeconfig(self._layout))
        os.execvpe(words[0], words, environment)  # noqa: S606 - the command is the caller's

    def load(self, archives: Sequence[Path]) -> None:
        """Put images on all nodes."""
        for archive in archives:
            with self._progress.step(f"{archive.name} on all nodes"):
                self._run(["kind", "load", "image-archive", str(archive), "--name", self._cluster])

    def faults(self) -> NoReturn:
        """Say that there are none: they have been made for the local provider's namespaces only."""
        raise ClusterError(
            "faults can be brought about in the local provider's clusters only, not in those of kind; "
            "`docker kill`, `docker pause` and `docker network disconnect` do alike to a node of kind"
        )

    def logs(self, folder: Path) -> None:
        """Copy all logs into a folder."""
        if not self._exists():
            raise ClusterError(
                f"there is no cluster {self._layout.name}, so it has no logs: run `hack/cluster up`"
            )
        self._run(["kind", "export", "logs", str(folder), "--name", self._cluster])

    def _create(self, workers: int) -> int:
        state.write(self._layout, State("starting", workers))
        with self._progress.step(f"kind cluster {self._cluster}", announce=True):
            config = self._layout.folder / "kind.yaml"
            config.write_text(_configuration(workers))
            image = os.environ.get(NODE_IMAGE_VARIABLE) or NODE_IMAGE
            options = ["--config", str(config), "--image", image]
            self._run(["kind", "create", "cluster", *self._named(), *options])
        return workers

    def _complete(self, wanted: int | None) -> int:
        """Start the nodes that are stopped, and return how many workers there are."""
        names = self._ask(["kind", "get", "nodes", "--name", self._cluster]).split()
        with self._progress.step(f"{len(names)} nodes run"):
            self._run(["docker", "start", *names])
        self._run(["kind", "export", "kubeconfig", *self._named()])
        workers = sum(not name.endswith(_CONTROL_PLANE) for name in names)
        if wanted not in (None, workers):
            self._progress.say(
                f"kind adds and removes no nodes, and {self._layout.name} has {workers}: "
                f"for {wanted}, take it down first"
            )
        return workers

    def _await_usable(self) -> None:
        """Wait until nodes are Ready and CoreDNS is available, and write what `exec` needs."""
        with self._progress.step("nodes Ready, CoreDNS available"):
            until(
                self._is_usable, _USABLE_SECONDS, f"all nodes of {self._cluster} Ready, and CoreDNS available"
            )
            server = self._kubectl("--namespace=kube-system", "get", "service", "kube-dns")
        resolv_conf.write(self._layout, server["spec"]["clusterIP"])
        inside.write_kubeconfig(self._layout)

    def _is_usable(self) -> bool:
        names = self._kubectl("--namespace=kube-system", "get", "deployment", "coredns")
        available = names.get("status", {}).get("availableReplicas", 0)
        return available > 0 and all(node.ready for node in self._nodes())

    def _delete(self) -> None:
        self._run(["kind", "delete", "cluster", *self._named()])
        if self._layout.folder.exists():
            shutil.rmtree(self._layout.folder)

    def _exists(self) -> bool:
        return self._cluster in self._ask(["kind", "get", "clusters"]).split()

    def _named(self) -> list[str]:
        return ["--name", self._cluster, "--kubeconfig", str(self._layout.kubeconfig)]

    def _nodes(self) -> tuple[NodeStatus, ...]:
        items = self._kubectl("get", "nodes")["items"]
        names = [item["metadata"]["name"] for item in items]
        return nodes.statuses(items, self._ask(["docker", "inspect", "--format", nodes.FORMAT, *names]))

    def _kubectl(self, *words: str) -> Any:
        return json.loads(
            self._ask(["kubectl", f"--kubeconfig={self._layout.kubeconfig}", *words, "-o", "json"])
        )


def _configuration(workers: int) -> str:
    """Return the committed configuration, with more or fewer workers if so asked."""
    text = _CONFIG.read_text()
    worker = "  - role: worker\n"
    return text.replace(worker * DEFAULT_NODES, worker * workers)


def _run_with_log(command: Sequence[str]) -> None:
    run([_program(command[0]), *command[1:]], log=cache.folder("log") / "kind.log")


def _output_of(command: Sequence[str]) -> str:
    done = subprocess.run([_program(command[0]), *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(command[:3])} failed: {done.stderr.strip()}")
    return done.stdout


def _program(name: str) -> str:
    """Return the machine's own `kind`, `kubectl` or `docker`, or ours, built when it is not in the cache."""
    return shutil.which(name) or str(binaries.binary(name, Progress()))
