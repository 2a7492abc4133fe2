"""The commands of HAProxy's runtime API for certificates: their text, and the answers that mean yes.

Each change is a transaction: set, then commit; until then what HAProxy shows to clients stays as it is. What HAProxy
finds wrong it says at `set` (no PEM) or at `commit` (the key is another's).

What must stay true: `commit ssl ca-file` is not used. In 3.0.11 certificates are not replaced any more after it, and a
second one crashes HAProxy (haproxy#3165).

Source: HAProxy 3.0's management guide, 9.3; the answers were seen on 3.0.11.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pba_sync.haproxy.commands import Command

_SAFE: Final = re.compile(r"[A-Za-z0-9/._-]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=]+")
_PEM: Final = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----\n([A-Za-z0-9+/=]+\n)+-----END [A-Z0-9 ]+-----\n)+")

SHOW_CERTIFICATES: Final = Command("show ssl cert", "show ssl cert")


def _checked(file: Path) -> str:
    if not _SAFE.fullmatch(str(file)):
        raise ValueError(f"not a path for HAProxy's command line: {str(file)!r}")
    return str(file)


def _payload(pem: str) -> str:
    if not _PEM.fullmatch(pem):
        raise ValueError("not PEM as it can stand in HAProxy's command line")
    return f"<<\n{pem}"


def set_certificate(file: Path, pem: str) -> Command:
    """Begin to replace a certificate with its chain and key."""
    name = _checked(file)
    begun = f"set ssl cert {name}"
    text = f"{begun} {_payload(pem)}"
    return Command("set ssl cert", text, ending=f" for certificate {name}!", hidden=f"{begun} ...")


def commit_certificate(file: Path) -> Command:
    """Show the new certificate to clients from now on."""
    return Command("commit ssl cert", f"commit ssl cert {_checked(file)}", ending="Success!")


def abort_certificate(file: Path) -> Command:
    """Forget the replacement that was begun."""
    return Command("abort ssl cert", f"abort ssl cert {_checked(file)}")


def show_certificate(file: Path, *, begun: bool = False) -> Command:
    """Ask for a certificate's facts; `begun`: those of the one that is to replace it."""
    return Command("show ssl cert", f"show ssl cert {'*' if begun else ''}{_checked(file)}")


def show_list(listing: Path) -> Command:
    """Ask which certificates are shown to clients."""
    return Command("show ssl crt-list", f"show ssl crt-list {_checked(listing)}")


def new_certificate(file: Path) -> Command:
    """Make room for a certificate that HAProxy did not have when it started."""
    name = _checked(file)
    return Command("new ssl cert", f"new ssl cert {name}", f"New empty certificate store '{name}'!")


def list_certificate(listing: Path, file: Path) -> Command:
    """Have a new certificate shown to clients that ask for its names."""
    text = f"add ssl crt-list {_checked(listing)} {_checked(file)}"
    return Command("add ssl crt-list", text, ending="Success!")


def add_ticket_key(file: Path, key: str) -> Command:
    """Add a key for tickets: it becomes the next one, the next one the one that tickets are made with."""
    begun = f"set ssl tls-key {_checked(file)}"
    if not _BASE64.fullmatch(key):
        raise ValueError("not a key as it can stand in HAProxy's command line")
    return Command("set ssl tls-key", f"{begun} {key}", "TLS ticket key updated!", hidden=f"{begun} ...")
