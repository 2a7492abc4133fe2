"""Certificates and keys as text (PEM, RFC 7468), written anew so that they can be nothing else.

What must stay true: what is returned is put into HAProxy's command line, which ends at an empty line; a file of a
user's may hold comments, empty lines, and more than is asked for.
"""

from __future__ import annotations

import re
from typing import Final

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+)-----END \1-----")
_CERTIFICATES: Final = ("CERTIFICATE", "X509 CERTIFICATE")
_WIDTH: Final = 64


class UnusableError(Exception):
    """A Secret holds what cannot be served with; the text says why."""


def certificates(text: str) -> list[str]:
    """Return the certificates in `text`, in their order, each as PEM of its own.

    Raises:
        UnusableError: there is none.
    """
    found = [_written("CERTIFICATE", body) for label, body in _BLOCK.findall(text) if label in _CERTIFICATES]
    if not found:
        raise UnusableError("it holds no certificate in PEM")
    return found


def private_key(text: str) -> str:
    """Return the first private key in `text` as PEM.

    Raises:
        UnusableError: there is none that can be read without a password.
    """
    found = [
        _written(label, body)
        for label, body in _BLOCK.findall(text)
        if label.endswith("PRIVATE KEY") and label != "ENCRYPTED PRIVATE KEY"
    ]
    if not found:
        raise UnusableError("it holds no private key in PEM that can be read without a password")
    return found[0]


def _written(label: str, body: str) -> str:
    text = "".join(body.split())
    lines = [text[start : start + _WIDTH] for start in range(0, len(text), _WIDTH)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
