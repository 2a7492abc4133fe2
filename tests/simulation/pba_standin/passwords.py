"""`caching_sha2_password`: what a server keeps of a password, and how a client proves that it knows it.

As in MySQL, a password that was just set is sent in full once (through TLS); from then on the server remembers a hash
that the client can prove to know without sending it. Source: "Caching SHA-2 Pluggable Authentication" in MySQL's
manual, and `sql/auth/sha2_password.cc`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field


def _sha256(*data: bytes) -> bytes:
    return hashlib.sha256(b"".join(data)).digest()


@dataclass
class Password:
    """A password, as far as a server knows it."""

    digest: bytes = field(repr=False)
    is_cached: bool = False
    """Whether somebody has logged in with it since it was set, or the server started."""

    @property
    def is_empty(self) -> bool:
        """Whether it is that of an account without a password."""
        return not self.digest

    def fits(self, text: bytes) -> bool:
        """Tell whether `text` is it; remember it if so."""
        self.is_cached = self.is_cached or hmac.compare_digest(_digest(text), self.digest)
        return hmac.compare_digest(_digest(text), self.digest)

    def is_proven(self, scramble: bytes, nonce: bytes) -> bool:
        """Tell whether a client has proven, for this nonce, that it knows a password that is remembered."""
        if not self.is_cached or len(scramble) != len(self.digest):
            return False
        mask = _sha256(self.digest, nonce)
        once = bytes(left ^ right for left, right in zip(scramble, mask, strict=True))
        return hmac.compare_digest(_sha256(once), self.digest)


def password(text: str) -> Password:
    """Return what a server keeps of a password; nothing of an empty one."""
    return Password(_digest(text.encode()) if text else b"")


def _digest(text: bytes) -> bytes:
    return _sha256(_sha256(text))
