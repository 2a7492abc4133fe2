"""Who undoes what we do: the API server notes with each field who has set it last, and when."""

from __future__ import annotations

from pba_api.identity import FIELD_MANAGER
from pba_operator.domain.model import ChildId, Manifest
from pba_operator.engine.ports import Kube
from pba_operator.kube import kinds


async def opponent(kube: Kube, namespace: str, child: ChildId) -> str:
    """Return the field manager that was the last but us to change an object; empty if there is none.

    Raises:
        ApiError: the API server could not say.
    """
    selector = f"metadata.name={child.name}"
    pages = kube.pages(kinds.BY_NAME[child.kind], namespace, fields=selector, metadata_only=True)
    found = [live async for page in pages for live in page]
    return last_of_others(found[0]) if found else ""


def last_of_others(live: Manifest) -> str:
    """Return the same of an object that was read with its `managedFields`; who writes the status does not count."""
    others = [
        entry
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") != FIELD_MANAGER and not entry.get("subresource")
    ]
    last: Manifest = max(others, key=lambda entry: str(entry.get("time", "")), default={})
    return str(last.get("manager", ""))
