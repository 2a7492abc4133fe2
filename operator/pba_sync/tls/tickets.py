"""Keys for TLS session tickets (RFC 5077, RFC 8446 4.6.1): a client resumes at any frontend what it began at another.

All frontends make the same keys of the same seed and the time, so nobody has to hand them out, and they change twice a
day without anybody's doing: HAProxy's manual says why ("periodically rotated, or Perfect Forward Secrecy is
compromised").

What must stay true:
- the keys depend on the authorities that this life of the pod has clients' certificates checked by: a session is
  resumed without a look at the certificate, so one that was begun under other authorities must not be;
- HAProxy makes tickets with the key of the present, and takes those of the period before and after it, too: clocks
  differ, and sessions outlast a change.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

PERIOD_SECONDS: Final = 12 * 3600
KEY_BYTES: Final = 80
"""HAProxy's `tls-ticket-keys`: a name of 16 bytes, and 32 each for HMAC and AES-256."""
_LABEL: Final = b"pba-frontend-ticket-key"


def period(now: float) -> int:
    """Return the number of the period in which `now` (seconds since the epoch) lies."""
    return int(now // PERIOD_SECONDS)


def keys(seed: str, authorities: str, number: int) -> tuple[str, str, str]:
    """Return the keys of the period before `number`, of that period and of the next one, as HAProxy reads them.

    Args:
        seed: what the frontends share.
        authorities: of clients' certificates, as PEM; empty: they are not asked for.
        number: of the period.
    """
    before, present, after = (_key(seed, authorities, each) for each in (number - 1, number, number + 1))
    return before, present, after


def _key(seed: str, authorities: str, number: int) -> str:
    """Return a key: HKDF's expansion (RFC 5869, 2.3) with SHA-512 of the seed, which is as good as random."""
    policy = hashlib.sha512(authorities.encode()).digest()
    info = _LABEL + policy + number.to_bytes(8, "big")
    block, made, count = b"", b"", 1
    while len(made) < KEY_BYTES:
        block = hmac.new(seed.encode(), block + info + bytes([count]), hashlib.sha512).digest()
        made, count = made + block, count + 1
    return base64.b64encode(made[:KEY_BYTES]).decode()
