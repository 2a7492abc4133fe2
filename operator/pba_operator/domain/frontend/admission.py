"""Who may come in at all, and what everybody gets while the application is in maintenance.

What must stay true: the address that the lists are asked about is the client's, which `origin` has found before; the
kubelet's probes and what the sidecar asks use other ways in.

Both are part of the configuration, so a change rolls the frontends: one that starts in maintenance is ready without
any node, and one that ends it only once a node can serve, while the old ones still show the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pba_api.types import Frontend
from pba_operator.domain.frontend.origin import networks
from pba_operator.domain.frontend.pages import MAINTENANCE, payload
from pba_operator.domain.frontend.words import CONFIG_FOLDER

ALLOWED_FILE: Final = "allowed-networks.lst"
DENIED_FILE: Final = "denied-networks.lst"

MAINTENANCE_RETRY_SECONDS: Final = 60


def files(frontend: Frontend) -> Mapping[str, str]:
    """Return the lists that the rules read."""
    lists = {ALLOWED_FILE: frontend.access.allow_cidrs, DENIED_FILE: frontend.access.deny_cidrs}
    return {name: networks(cidrs) for name, cidrs in lists.items() if cidrs}


def access(frontend: Frontend) -> tuple[str, ...]:
    """Return the rules that let clients in by their address; who is denied is so although he is allowed.

    It is a plain `deny`, which is 403: where a status is named, HAProxy (3.0.11) answers without any page.
    """
    rules = []
    if frontend.access.deny_cidrs or frontend.access.allow_cidrs:
        rules.append("# Clients are let in by their address.")
    if frontend.access.deny_cidrs:
        rules.append(f"http-request deny if {{ src -f {CONFIG_FOLDER}/{DENIED_FILE} }}")
    if frontend.access.allow_cidrs:
        rules.append(f"http-request deny unless {{ src -f {CONFIG_FOLDER}/{ALLOWED_FILE} }}")
    return tuple(rules)


def maintenance(frontend: Frontend, pages: Mapping[str, str]) -> tuple[str, ...]:
    """Return the rules that answer every request with the maintenance page, which is no line in the log."""
    if not frontend.maintenance:
        return ()
    retry = f"hdr Retry-After {MAINTENANCE_RETRY_SECONDS} hdr Cache-Control no-store"
    return (
        "http-request set-log-level silent",
        f"http-request return status 503 {payload(MAINTENANCE, pages)} {retry}",
    )


def readiness(frontend: Frontend, flag: str) -> str:
    """Return the condition, beside the path, on which the pod is ready; `flag` tells that a node could serve."""
    return "" if frontend.maintenance else f" {flag}"
