"""What our own containers run, and who is spoken of outside of the PBACluster's namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pba_mutation.planning import NAMESPACE, Children
from pba_operator.domain.database import layout
from pba_operator.domain.model import Manifest
from pba_operator.kube import kinds

_HOOKS: Final = ("startupProbe", "readinessProbe", "livenessProbe")
_RUN: Final = frozenset({layout.SCRIPT_FILE, layout.UNLOCK_FILE, layout.LOCAL_FILE})
"""Files that a shell or mysqld runs as they are."""
_USERS_OWN: Final = "application"
"""The container that runs what the user says."""


def commands(children: Children) -> Iterator[tuple[str, ...]]:
    """Yield all that our containers run, with where it stands; of the application's, only what is not the user's."""
    for child, manifest in children.items():
        for name in sorted(_RUN & manifest.get("data", {}).keys()):
            yield (child.kind, child.name, name, "text", manifest["data"][name])
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
            where = (child.kind, child.name, container["name"])
            if container["name"] != _USERS_OWN:
                yield (*where, "command", *container.get("command", ()))
                yield (*where, "args", *container.get("args", ()))
            for name, hook in _hooks(container):
                yield (*where, name, *hook.get("exec", {}).get("command", ()))


def _hooks(container: Manifest) -> Iterator[tuple[str, Any]]:
    yield from ((name, container[name]) for name in _HOOKS if name in container)
    yield from container.get("lifecycle", {}).items()


def outsiders(children: Children) -> Iterator[str]:
    """Yield what is planned outside of the PBACluster's namespace, or speaks of another one."""
    for child, manifest in children.items():
        if child.kind not in kinds.BY_NAME:
            yield f"{child.kind} {child.name} is of a kind of its own"
        if manifest["metadata"].get("namespace") != NAMESPACE:
            yield f"{child.kind} {child.name} is in {manifest['metadata'].get('namespace')}"
        for subject in manifest.get("subjects", ()):
            if subject.get("namespace") != NAMESPACE or subject["kind"] != "ServiceAccount":
                yield f"{child.kind} {child.name} gives rights to {subject}"
        if manifest.get("roleRef", {}).get("kind", "Role") != "Role":
            yield f"{child.kind} {child.name} gives rights of the whole cluster"
