"""The pages that HAProxy itself answers with: ours, or the user's from a ConfigMap.

What must stay true: HAProxy starts whatever the ConfigMap holds. So its pages are copied into the ConfigMap of the
frontends once they are known to fit, and what does not fit, or is not there, is told while our own page is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pba_api.conditions import ConditionType
from pba_api.types import PBAClusterSpec
from pba_operator.domain.frontend.words import CONFIG_FOLDER
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed, Problem

PAGE_MAX_BYTES: Final = 14_336
"""HAProxy answers from one buffer of 16,384 bytes, of which 1,024 are kept for headers that rules add; with a page of
16,000 it answered 500 (3.0.11). The rest is for the headers that are there before."""

MAINTENANCE: Final = "maintenance.html"
_OF_STATUS: Final = {f"{status}.html": status for status in (403, 413, 429, 500, 502, 503, 504)}
"""What HAProxy itself answers under the configuration of the frontends. To what it cannot read as a request (400), or
not in time (408), it answers in its own words whatever the configuration says (3.0.11)."""
KEYS: Final = (*_OF_STATUS, MAINTENANCE)

RETRY_SECONDS: Final = {429: 1, 503: 5}

_PAGE: Final = (
    "<!DOCTYPE html><html lang=en><meta charset=utf-8><title>{title}</title>"
    "<style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}}</style>"
    "<h1>{title}</h1><p>{text}</p></html>"
)
_OURS: Final = {
    "503.html": _PAGE.format(
        title="Temporarily unavailable",
        text="No node can answer just now. Please try again in a few seconds.",
    ),
    "429.html": _PAGE.format(title="Too many requests", text="Please wait a moment before you ask for more."),
    MAINTENANCE: _PAGE.format(
        title="Down for maintenance", text="We are working on it. Please come back in a few minutes."
    ),
}


def references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the ConfigMap of the user's pages."""
    if spec.frontend is None or spec.frontend.error_pages is None:
        return ()
    return (ChildId("ConfigMap", spec.frontend.error_pages.config_map_ref.name),)


def _fault(key: str, found: Manifest) -> str:
    """Return what is wrong with the page under `key` of the user's ConfigMap; empty: nothing."""
    text = (found.get("data") or {}).get(key)
    if key not in KEYS:
        return f"is no page that a frontend shows (those are {', '.join(KEYS)}): rename or remove it"
    if text is None:
        return "must be text (under data), not binary data"
    if not text.strip():
        return "is empty: write the page, or remove the key"
    size = len(text.encode())
    if size > PAGE_MAX_BYTES:
        return f"has {size} bytes, of which HAProxy can hold {PAGE_MAX_BYTES}: make it smaller"
    return ""


def _offered(found: Manifest) -> list[str]:
    """Return the keys of the user's ConfigMap that are meant as pages."""
    keys = {**(found.get("data") or {}), **(found.get("binaryData") or {})}
    return sorted(key for key in keys if key.endswith(".html"))


def usable(cluster: Cluster, observed: Observed) -> Mapping[str, str]:
    """Return the user's pages that HAProxy can show, by key."""
    pages = {}
    for reference in references(cluster.spec):
        found = observed.references.get(reference) or {}
        pages.update({key: found["data"][key] for key in _offered(found) if not _fault(key, found)})
    return pages


def problems(cluster: Cluster, observed: Observed) -> Iterator[Problem]:
    """Yield what keeps the user's pages from being shown; ours are shown instead."""
    for reference in references(cluster.spec):
        found = observed.references.get(reference)
        where = f'The ConfigMap "{reference.name}", which frontend.errorPages names,'
        if found is None:
            message = f"{where} does not exist in this namespace: create it, or correct the reference."
            yield Problem(ConditionType.FRONTEND, "ErrorPagesMissing", message, stalled=True)
            continue
        faults = [f"{key} {fault}" for key in _offered(found) if (fault := _fault(key, found))]
        if faults:
            message = f"{where} has pages that cannot be shown: {'; '.join(faults)}."
            yield Problem(ConditionType.FRONTEND, "ErrorPagesRefused", message, stalled=True)


def payload(key: str, pages: Mapping[str, str]) -> str:
    """Return the words by which HAProxy's rules name a page: the user's, or ours."""
    content = f"file {CONFIG_FOLDER}/{key}" if key in pages else f'string "{_OURS[key]}"'
    return f'content-type "text/html; charset=utf-8" {content}'


def rules(pages: Mapping[str, str]) -> Iterator[str]:
    """Yield what HAProxy answers by itself, where it is not left to HAProxy's own words."""
    for key, status in _OF_STATUS.items():
        if key in pages or key in _OURS:
            retry = f" hdr Retry-After {RETRY_SECONDS[status]}" if status in RETRY_SECONDS else ""
            yield f"http-error status {status} {payload(key, pages)}{retry}"
