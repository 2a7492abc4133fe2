"""The user's Secrets with certificates: are they there, and can HAProxy serve with them?

What must stay true: while one cannot be served with, no frontend is made or replaced. Those that run go on with what
they have (they never take in what is broken); a new one would have nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pba_api import sidecar
from pba_api.conditions import ConditionType
from pba_api.types import PBAClusterSpec
from pba_operator.domain import certificates
from pba_operator.domain.model import ChildId, Cluster, Manifest, Observed, Problem

_KEPT: Final = "Frontends that run keep the certificate that they have; none is made or replaced meanwhile."


@dataclass(frozen=True)
class _Wanted:
    child: ChildId
    field: str
    keys: tuple[str, ...]


def references(spec: PBAClusterSpec) -> tuple[ChildId, ...]:
    """Return the user's Secrets that the frontend's pods mount."""
    return tuple(dict.fromkeys(wanted.child for wanted in _wanted(spec)))


def problems(cluster: Cluster, observed: Observed) -> list[Problem]:
    """Return a problem for each Secret that is not there, or that cannot be served with."""
    found = [_problem(wanted, observed.references.get(wanted.child)) for wanted in _wanted(cluster.spec)]
    return [problem for problem in found if problem is not None]


def client_authorities(spec: PBAClusterSpec, observed: Observed) -> str:
    """Return the certificates of those who vouch for clients; empty where nobody is asked for a certificate."""
    tls = spec.frontend.tls if spec.frontend is not None else None
    if tls is None or tls.client_ca_secret_ref is None:
        return ""
    live = observed.references.get(ChildId("Secret", tls.client_ca_secret_ref.name)) or {}
    return _text((live.get("data") or {}).get(sidecar.CA_KEY, ""))


def _wanted(spec: PBAClusterSpec) -> Iterator[_Wanted]:
    tls = spec.frontend.tls if spec.frontend is not None else None
    if tls is None:
        return
    for reference in tls.secret_refs:
        keys = (sidecar.CERTIFICATE_KEY, sidecar.PRIVATE_KEY_KEY)
        yield _Wanted(ChildId("Secret", reference.name), "frontend.tls.secretRefs", keys)
    if tls.client_ca_secret_ref is not None:
        child = ChildId("Secret", tls.client_ca_secret_ref.name)
        yield _Wanted(child, "frontend.tls.clientCASecretRef", (sidecar.CA_KEY,))


def _problem(wanted: _Wanted, live: Manifest | None) -> Problem | None:
    what = f'The Secret "{wanted.child.name}", which {wanted.field} names,'
    if live is None:
        message = f"{what} does not exist in this namespace: create it, or correct the reference. {_KEPT}"
        return Problem(ConditionType.FRONTEND, "SecretMissing", message, stalled=True)
    data = live.get("data") or {}
    lacking = [key for key in wanted.keys if not data.get(key)]
    if lacking:
        message = (
            f'{what} has nothing under the key "{lacking[0]}": add it, or correct the reference. {_KEPT}'
        )
        return Problem(ConditionType.FRONTEND, "SecretKeyMissing", message, stalled=True)
    flaw = _flaw([_text(data[key]) for key in wanted.keys])
    if not flaw:
        return None
    message = f"{what} {flaw}: correct it. {_KEPT}"
    return Problem(ConditionType.FRONTEND, "SecretInvalid", message, stalled=True)


def _flaw(texts: list[str]) -> str:
    """Return what is wrong with a certificate and its key, or with authorities; empty: nothing."""
    if len(texts) == 1:
        return certificates.flaw_of_authorities(texts[0])
    if sum(map(len, texts)) > sidecar.MAX_PAIR_BYTES:
        return (
            f"holds more than {sidecar.MAX_PAIR_BYTES} bytes, which HAProxy cannot take in while it runs (leave out "
            "what is not in the certificate's chain)"
        )
    return certificates.flaw_of_pair(*texts)


def _text(encoded: str) -> str:
    """Return a key's text; what is no text is no PEM either."""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
