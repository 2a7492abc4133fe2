"""Passwords are kept as scrypt hashes, at a cost meant for load tests on small machines.

The cost stands in each hash, so it can be raised without locking anybody out. A real store wants 2^14 or more
(RFC 7914, section 2; OWASP's password storage cheat sheet): 2^10 takes 3 ms and 1 MiB instead of 50 ms and 16 MiB.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_COST, _BLOCK, _PARALLEL = 10, 8, 1
_SALT_BYTES = 16


def hash_password(password: str) -> str:
    """Return what to keep of `password`."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    return f"scrypt${_COST}${_BLOCK}${_PARALLEL}${_text(salt)}${_text(digest)}"


def verify_password(password: str, kept: str) -> bool:
    """Tell whether `password` is the one of which `kept` was made."""
    _, cost, block, parallel, salt, digest = kept.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << cost, r=block, p=parallel, dklen=32)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
