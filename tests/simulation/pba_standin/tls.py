"""A server's side of TLS, with the certificate that its Secret holds."""

from __future__ import annotations

import functools
import ssl
import tempfile


@functools.lru_cache(maxsize=4096)
def context(certificate: str, key: str) -> ssl.SSLContext | None:
    """Return what presents a certificate (PEM) and its key, made once for each; None if they are of no use.

    With such a certificate mysqld starts all the same, and offers no TLS.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # Python reads them from files only
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        try:
            made.load_cert_chain(file.name)
        except ssl.SSLError:
            return None
    return made
