"""Finds the first process of each node from inside of the hub, and keeps it in mind: a search reads many files."""

from pba_hack.cluster.local.cgroups import Groups
from pba_hack.cluster.local.namespaces import first_process, start_time

__all__ = ["Processes"]


class Processes:
    """The first process of each node, by its number in the hub."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._found: dict[str, tuple[int, int | None]] = {}

    def first(self, node: str) -> int | None:
        """Return a node's first process; None when it does not run."""
        if node in self._found:
            process, started = self._found[node]
            # Its number may be another process's by now.
            if start_time(process) == started:
                return process
            del self._found[node]
        found = first_process(self._groups, node, from_hub=True)
        if found is not None:
            self._found[node] = (found, start_time(found))
        return found
