"""A request as the operator's client means it: which verb, on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yarl import URL

from pba_operator.kube import kinds

WRITES: Final = ("CREATE", "UPDATE", "APPLY", "MERGE", "DELETE")
_KINDS: Final = {kind.plural: kind.name for kind in kinds.BY_NAME.values()}
_METHODS: Final = {"POST": "CREATE", "PUT": "UPDATE", "DELETE": "DELETE"}


@dataclass(frozen=True)
class Exchange:
    """One request; `kind` is empty where it is about something else (discovery)."""

    verb: str
    kind: str
    name: str = ""
    subresource: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it changes something, the Lease apart."""
        return self.verb in WRITES and self.kind != kinds.LEASE.name

    def __str__(self) -> str:
        return "/".join(part for part in (f"{self.verb} {self.kind}", self.name, self.subresource) if part)


def exchange_of(method: str, url: URL, content_type: str) -> Exchange:
    """Return what a request is about."""
    parts = url.path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    plural, name, subresource = [*parts, "", "", ""][:3]
    return Exchange(_verb(method, url, name, content_type), _KINDS.get(plural, ""), name, subresource)


def _verb(method: str, url: URL, name: str, content_type: str) -> str:
    if method == "PATCH":
        return "APPLY" if "apply-patch" in content_type else "MERGE"
    if method == "GET":
        return "WATCH" if "watch" in url.query else "GET" if name else "LIST"
    return _METHODS.get(method, method)
