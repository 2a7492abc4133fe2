"""From the stored object to a `Cluster`, or to an `Invalid` that can still be deleted and reported on.

What must stay true: a PBACluster whose spec does not parse (stored by an older version, say) is deleted as its
`deletionPolicy` says, and is told what is wrong with it; it never stops the engine.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pba_api.mysql_names import is_free_account, is_free_schema
from pba_api.parse import InvalidSpec, parse_spec
from pba_api.types import PathLimits, PBAClusterSpec, SessionAffinity
from pba_api.types.frontend_affinity import COOKIE_NAME, TYPES
from pba_operator.domain.frontend.words import is_quotable
from pba_operator.domain.model import Cluster


@dataclass(frozen=True)
class Invalid:
    """A PBACluster whose spec cannot be read; `problem` says where and why."""

    namespace: str
    name: str
    uid: str
    generation: int
    deleting: bool
    finalizers: tuple[str, ...]
    deletes_data: bool
    status: Mapping[str, Any]
    problem: str


def read(raw: Mapping[str, Any]) -> Cluster | Invalid:
    """Return the PBACluster that `raw` (its JSON) stands for."""
    metadata = raw["metadata"]
    spec = raw.get("spec") or {}
    identity: dict[str, Any] = {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "generation": metadata.get("generation", 0),
        "deleting": "deletionTimestamp" in metadata,
        "finalizers": tuple(metadata.get("finalizers", ())),
        "status": raw.get("status") or {},
    }
    try:
        return Cluster(spec=_usable(parse_spec(spec)), **identity)
    except InvalidSpec as error:
        deletes_data = isinstance(spec, Mapping) and spec.get("deletionPolicy") == "Delete"
        return Invalid(deletes_data=deletes_data, problem=str(error), **identity)


def _usable(spec: PBAClusterSpec) -> PBAClusterSpec:
    """Return `spec` if no value in it can harm where it is used.

    The schema refuses the same when it is applied; this is for what was stored while it let more through.

    Raises:
        InvalidSpec: a value cannot be written where it belongs, or would take over what is not the application's.
    """
    database = spec.database
    if not is_quotable(spec.application.probes.readiness.path):
        raise InvalidSpec("spec.application.probes.readiness.path", "must be made of printable characters")
    _check_networks("spec.network.apiServerCIDRs", spec.network.api_server_cidrs)
    if spec.frontend is not None:
        _check_networks("spec.frontend.trustedProxyCIDRs", spec.frontend.trusted_proxy_cidrs)
        _check_networks("spec.frontend.access.allowCIDRs", spec.frontend.access.allow_cidrs)
        _check_networks("spec.frontend.access.denyCIDRs", spec.frontend.access.deny_cidrs)
        _check_affinity(spec.frontend.session_affinity)
        _check_paths(spec.frontend.paths)
    if not is_free_account(database.user.name):
        raise InvalidSpec(
            "spec.database.user.name",
            f"must not be \"{database.user.name}\", an account of the operator's or of MySQL's own: make the "
            "PBACluster anew with another name",
        )
    if not is_free_schema(database.name):
        raise InvalidSpec(
            "spec.database.name",
            f'must not be "{database.name}", a schema of MySQL\'s own: make the PBACluster anew with another name',
        )
    return spec


def _check_networks(where: str, cidrs: Iterable[str]) -> None:
    """Raise `InvalidSpec` if HAProxy could not be given one: the API server reads some forms that we do not."""
    for number, cidr in enumerate(cidrs, 1):
        try:
            ipaddress.ip_network(cidr, strict=False)
        except ValueError as error:
            problem = f"must hold networks such as 203.0.113.0/24, which its entry {number} is not"
            raise InvalidSpec(where, problem) from error


def _check_paths(paths: Iterable[PathLimits]) -> None:
    """Raise `InvalidSpec` if HAProxy could not be given one."""
    for limits in paths:
        if not is_quotable(limits.prefix):
            raise InvalidSpec("spec.frontend.paths", "must have prefixes of printable characters")


def _check_affinity(affinity: SessionAffinity) -> None:
    path = "spec.frontend.sessionAffinity"
    if affinity.type not in TYPES:
        raise InvalidSpec(f"{path}.type", f"must be one of {', '.join(TYPES)}")
    if not re.fullmatch(COOKIE_NAME, affinity.cookie_name):
        raise InvalidSpec(
            f"{path}.cookieName",
            "must be of letters, digits, - and _, and must begin with a letter or a digit",
        )
