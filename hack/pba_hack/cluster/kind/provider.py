"""Drives `kind`, and hands its cluster out under the same commands as the local one."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pba_hack import cache
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import binaries
from pba_hack.cluster.provider import DEFAULT_NODES, NodeStatus, Status
from pba_hack.progress import Progress, run

__all__ = ["KindProvider", "Runner"]

Runner = Callable[[Sequence[str]], None]
"""Runs a command whose output is for a log; raises when it fails."""

_CONFIG = Path(__file__).parent / "kind.yaml"


class KindProvider:
    """A cluster of containers, named `pba-NAME`."""

    def __init__(
        self,
        name: str,
        progress: Progress,
        runner: Runner | None = None,
        ask: Callable[[Sequence[str]], str] | None = None,
    ) -> None:
        self._name = name
        self._cluster = f"pba-{name}"
        self._progress = progress
        self._run = runner or _run_with_log
        self._ask = ask or _output_of

    @property
    def kubeconfig(self) -> Path:
        """The administrator's client configuration."""
        return cache.folder("kind") / f"{self._cluster}.kubeconfig"

    def up(self, nodes: int | None) -> None:
        """Create the cluster unless it is there."""
        if self._exists():
            self._progress.say(f"the cluster {self._name} is up")
            if nodes is not None:
                self._progress.say("kind adds and removes no nodes: for another number, take it down first")
            return
        with self._progress.step(f"kind cluster {self._cluster}", announce=True):
            config = cache.folder("kind") / f"{self._cluster}.yaml"
            config.write_text(_configuration(nodes or DEFAULT_NODES))
            named = ["--name", self._cluster, "--kubeconfig", str(self.kubeconfig)]
            self._run(["kind", "create", "cluster", *named, "--config", str(config), "--wait", "120s"])

    def down(self) -> None:
        """Delete the cluster."""
        named = ["--name", self._cluster, "--kubeconfig", str(self.kubeconfig)]
        self._run(["kind", "delete", "cluster", *named])
        self.kubeconfig.unlink(missing_ok=True)
        self.kubeconfig.with_suffix(".yaml").unlink(missing_ok=True)

    def status(self) -> Status:
        """Say how the cluster is."""
        if not (self.kubeconfig.exists() and self._exists()):
            return Status(self._name, "kind", "down", (), None, None, None)
        listed = json.loads(
            self._ask(["kubectl", f"--kubeconfig={self.kubeconfig}", "get", "nodes", "-o", "json"])
        )
        nodes = tuple(_node(item) for item in listed["items"])
        all_ready = all(node.ready for node in nodes)
        return Status(
            self._name, "kind", "up" if all_ready else "partial", nodes, str(self.kubeconfig), None, None
        )

    def exec(self, command: Sequence[str]) -> NoReturn:
        """Become the command, with the cluster's `KUBECONFIG`."""
        if not self.kubeconfig.exists():
            raise ClusterError(f"there is no cluster {self._name}: run `hack/cluster up`")
        own = str(Path(_program("kubectl")).parent)
        environment = {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "PATH": os.pathsep.join([os.environ.get("PATH", os.defpath), own]),
            "PBA_CLUSTER": self._name,
        }
        os.execvpe(command[0], list(command), environment)  # noqa: S606 - the command is the caller's

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
            raise ClusterError(f"there is no cluster {self._name}, so it has no logs: run `hack/cluster up`")
        self._run(["kind", "export", "logs", str(folder), "--name", self._cluster])

    def _exists(self) -> bool:
        return self._cluster in self._ask(["kind", "get", "clusters"]).split()


def _configuration(workers: int) -> str:
    """The committed configuration, with more or fewer workers if so asked."""
    text = _CONFIG.read_text()
    worker = "  - role: worker\n"
    return text.replace(worker * DEFAULT_NODES, worker * workers)


def _node(item: Mapping[str, Any]) -> NodeStatus:
    addresses = {address["type"]: address["address"] for address in item["status"]["addresses"]}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in item["status"]["conditions"])
    return NodeStatus(item["metadata"]["name"], addresses.get("InternalIP", ""), ready, None, None)


def _run_with_log(command: Sequence[str]) -> None:
    run([_program(command[0]), *command[1:]], log=cache.folder("log") / "kind.log")


def _output_of(command: Sequence[str]) -> str:
    done = subprocess.run([_program(command[0]), *command[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(command[:3])} failed: {done.stderr.strip()}")
    return done.stdout


def _program(name: str) -> str:
    """The machine's own `kind` or `kubectl`, or ours, built when it is not in the cache."""
    return shutil.which(name) or str(binaries.binary(name, Progress()))
