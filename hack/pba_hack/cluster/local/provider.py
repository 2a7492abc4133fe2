"""The local cluster's commands; the steps are in the modules beside it."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pba_hack.cluster import binaries, entering, state, tools
from pba_hack.cluster.errors import ClusterError
from pba_hack.cluster.local import creation, images, machine, members, report, teardown
from pba_hack.cluster.local.addresses import MAX_NODES
from pba_hack.cluster.local.blobs import BlobStore
from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.control_plane import Binaries
from pba_hack.cluster.local.faults import Faults
from pba_hack.cluster.local.layout import Layout
from pba_hack.cluster.local.namespaces import first_process
from pba_hack.cluster.provider import DEFAULT_NODES, Status
from pba_hack.cluster.state import State
from pba_hack.progress import Progress

__all__ = ["LocalProvider"]


class LocalProvider:
    """A cluster in namespaces of this machine."""

    def __init__(self, name: str, progress: Progress) -> None:
        self._layout = Layout(name)
        self._groups = Groups(self._layout.cgroup)
        self._progress = progress

    def up(self, nodes: int | None) -> None:
        """Bring the cluster up; a running one gets the nodes that it lacks, remains of a broken one go first."""
        if nodes is not None and not 1 <= nodes <= MAX_NODES:
            raise ClusterError(f"a cluster has 1 to {MAX_NODES} nodes, not {nodes}")
        machine.check(self._layout.root)
        machine.install_packages(self._progress)
        programs = self._programs()
        with state.locked(self._layout, self._progress):
            record = state.read(self._layout)
            hub = first_process(self._groups, "hub")
            if hub is not None and record is not None and record.phase == "ready":
                wanted = max(nodes or 0, record.nodes)
                if nodes is not None and nodes < wanted:
                    self._progress.say(
                        f"the cluster {self._layout.name} has {wanted} nodes and keeps them: "
                        f"for {nodes}, take it down first"
                    )
                state.write(self._layout, State("ready", wanted))
                creation.complete(self._layout, self._groups, hub, wanted, programs, self._progress)
            else:
                self._create(nodes or DEFAULT_NODES, programs)

    def down(self) -> None:
        """Remove the cluster."""
        machine.check_root()
        if not teardown.remains(self._layout, self._groups):
            self._progress.say(f"there is no cluster {self._layout.name}")
            return
        with state.locked(self._layout, self._progress), self._progress.step(f"{self._layout.name} removed"):
            teardown.clear(self._layout, self._groups, self._progress)

    def status(self) -> Status:
        """Say how the cluster is."""
        machine.check_root()
        return report.status(self._layout, self._groups)

    def exec(self, command: Sequence[str]) -> NoReturn:
        """Become the command inside of the cluster's network."""
        machine.check_root()
        words = entering.command_line(self._layout, self._hub(), command)
        tools.link(self._layout.bin)
        os.execvpe(words[0], words, entering.environment(self._layout, "local", os.environ))  # noqa: S606 - no shell

    def load(self, archives: Sequence[Path]) -> None:
        """Put images on all nodes at once."""
        machine.check_root()
        self._hub()
        record = state.read(self._layout)
        nodes = members.running(self._layout, self._groups, record.nodes if record else 0)
        with self._progress.step(f"{len(archives)} images on {len(nodes)} nodes"):
            images.load(archives, nodes, BlobStore(self._layout.blobs))

    def faults(self) -> Faults:
        """Return the faults that can be brought about in the running cluster."""
        machine.check_root()
        return Faults(self._layout, self._groups, self._hub(), self._progress, self._programs)

    def logs(self, folder: Path) -> None:
        """Copy all logs into a folder."""
        machine.check_root()
        if not teardown.remains(self._layout, self._groups):
            raise ClusterError(
                f"there is no cluster {self._layout.name}, so it has no logs: run `hack/cluster up`"
            )
        report.collect_logs(self._layout, self._groups, folder)

    def _create(self, nodes: int, programs: Binaries) -> None:
        layout, groups = self._layout, self._groups
        if teardown.remains(layout, groups):
            self._progress.say(f"what is left of an earlier {layout.name} is cleared away")
            teardown.clear(layout, groups, self._progress)
        layout.folder.mkdir(mode=0o755)
        state.write(layout, State("starting", nodes))
        creation.create(layout, groups, programs, nodes, self._progress)
        state.write(layout, State("ready", nodes))
        self._progress.save(layout.folder / "up.json")

    def _programs(self) -> Binaries:
        def path(name: str) -> Path:
            return binaries.binary(name, self._progress)

        busybox = Path(shutil.which("busybox") or "/bin/busybox")
        return Binaries(
            path("kubernetes").parent, path("init"), path("coredns"), path("local-path-provisioner"), busybox
        )

    def _hub(self) -> int:
        hub = first_process(self._groups, "hub")
        if hub is None:
            raise ClusterError(f"there is no cluster {self._layout.name}: run `hack/cluster up`")
        return hub
