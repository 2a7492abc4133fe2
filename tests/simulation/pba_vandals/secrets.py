"""The content of Secrets that the operator has generated: made once, and never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pba_api.identity import FIELD_MANAGER

Object = dict[str, Any]
CONTENT: Final = ("data", "type")


def is_content(live: Object, place: Sequence[str | int]) -> bool:
    """Tell whether a place in an object is content of a generated Secret: set by a creation, and by no apply."""
    if live["kind"] != "Secret" or place[0] not in CONTENT:
        return False
    applied = [
        entry["fieldsV1"]
        for entry in live["metadata"]["managedFields"]
        if entry["manager"] == FIELD_MANAGER and entry["operation"] == "Apply"
    ]
    return not any(f"f:{place[0]}" in fields for fields in applied)


def generated(live: Object) -> bool:
    """Tell whether an object is a Secret whose content the operator has generated."""
    return is_content(live, ("data",))
