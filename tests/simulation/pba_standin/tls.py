"""A server's side of TLS, with the certificate that its Secret holds."""

from __future__ import annotations

import functools
import ssl
import tempfile


@functools.lru_cache(maxsize=4096)
def context(certificate: str, key: str) -> ssl.SSLContext:
    """Return what presents a certificate (PEM) and its key; made once for each."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # Python reads them from files only
        file.write(certificate + key)
        file.flush()
        made.load_cert_chain(file.name)
    return made
