"""What HAProxy has in one file: a certificate with its key, the authorities of clients, or the keys for tickets.

What must stay true: nothing gets into a file, from which an HAProxy that starts would read it, or into the HAProxy that
runs, that was not found fit before.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pba_api.sidecar import CA_KEY, CERTIFICATE_KEY, PRIVATE_KEY_KEY, TICKET_SEED_KEY
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.errors import AnswerMalformedError, CommandRefusedError
from pba_sync.tls import commands, pem, tickets
from pba_sync.tls.pem import UnusableError

_SEED_LENGTH: Final = 32
"""Characters at least: what is shorter could be guessed."""


class Runtime(Protocol):
    """HAProxy, as far as certificates need it."""

    def run(self, command: Command) -> None:
        """Carry out a command."""

    def ask(self, command: Command) -> str:
        """Return the answer to a command that shows something."""


class Item(Protocol):
    """One file of HAProxy's."""

    secret: str
    file: Path
    is_fixed: bool
    """The file stays as it was written first, as long as the pod lives."""
    is_users: bool
    """It changes when a user changes the Secret, and not by itself as time passes."""

    def read(self) -> str:
        """Return what the Secret holds, fit for the file; raises `UnusableError`."""

    def put(self, haproxy: Runtime, text: str) -> None:
        """Have HAProxy use `text`; raises `UnusableError` if it, or we, have something against it."""


def write(file: Path, text: str) -> None:
    """Write a file so that whoever reads it finds the old or the new, whole."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text)
    beside.replace(file)


def _texts(folder: Path, *keys: str) -> list[str]:
    """Return a mounted Secret's texts, all of one state: the kubelet swaps a link when the Secret changes."""
    for last in (False, True):
        try:
            state = (folder / keys[0]).resolve(strict=True).parent
            return [(state / key).read_text() for key in keys]
        except (OSError, UnicodeDecodeError) as error:
            if last:
                raise UnusableError(f"it cannot be read: {error}") from error
    raise AssertionError  # pragma: no cover - the loop returns or raises


def _checked_pair(beside: Path, text: str) -> None:
    """Make sure that a certificate, its chain and its key fit together, as OpenSSL sees it."""
    scratch = beside.with_name(f".{beside.name}.check")
    scratch.write_text(text)
    try:
        # The password is for keys that want one, so that nobody is asked for it.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(scratch, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UnusableError(f"certificate and key cannot be used together: {error}") from error
    finally:
        scratch.unlink()


def _ends(answer: str) -> float:
    """Return when a certificate expires, in seconds since the epoch, from HAProxy's facts about it."""
    for line in answer.splitlines():
        name, _, value = line.partition(": ")
        if name == "notAfter":
            return float(ssl.cert_time_to_seconds(value))
    raise AnswerMalformedError(f"`show ssl cert` tells no notAfter: {answer[:80]!r}")


@dataclass
class Certificate:
    """A certificate with its chain and key."""

    secret: str
    folder: Path
    """Where the Secret is mounted."""
    file: Path
    listing: Path
    """HAProxy's list of certificates."""
    on_use: Callable[[str, float], None]
    """Is told the Secret and when the certificate expires that is shown from now on."""
    now: Callable[[], float] = time.time
    is_fixed: bool = False
    is_users: bool = True
    _fit: tuple[list[str], str] | None = None
    """What was found fit last, as it is in the Secret and as it was returned."""

    def read(self) -> str:
        """Return chain and key.

        Raises:
            UnusableError: they are not there, or do not fit together.
        """
        mounted = _texts(self.folder, CERTIFICATE_KEY, PRIVATE_KEY_KEY)
        if self._fit is None or self._fit[0] != mounted:
            certificate, key = mounted
            text = "".join(pem.certificates(certificate)) + pem.private_key(key)
            _checked_pair(self.file, text)
            self._fit = (mounted, text)
        return self._fit[1]

    def put(self, haproxy: Runtime, text: str) -> None:
        """Have HAProxy show it.

        Raises:
            UnusableError: HAProxy does not take it, or it has expired and the present one has not.
            HAProxyUnreachableError: HAProxy does not answer.
        """
        is_shown = str(self.file) in haproxy.ask(commands.show_list(self.listing)).split("\n")
        is_there = str(self.file) in haproxy.ask(commands.SHOW_CERTIFICATES).split("\n")
        try:
            if not is_there:
                haproxy.run(commands.new_certificate(self.file))
            haproxy.run(commands.set_certificate(self.file, text))
            ends = _ends(haproxy.ask(commands.show_certificate(self.file, begun=True)))
            if is_shown:
                self._compare(ends, _ends(haproxy.ask(commands.show_certificate(self.file))))
            haproxy.run(commands.commit_certificate(self.file))
            if not is_shown:
                haproxy.run(commands.list_certificate(self.listing, self.file))
        except (AnswerMalformedError, CommandRefusedError, UnusableError) as error:
            haproxy.ask(commands.abort_certificate(self.file))
            raise UnusableError(str(error)) from error
        self.on_use(self.secret, ends)

    def _compare(self, ends: float, present_ends: float) -> None:
        if ends <= self.now() < present_ends:
            raise UnusableError("its certificate has expired, and the one in use has not")


@dataclass
class Authorities:
    """The authorities of clients' certificates.

    HAProxy reads them at its start only, and the operator replaces pods whose authorities change. They are fixed, so
    that it is known which ones this pod has clients checked by (`tickets`).
    """

    secret: str
    folder: Path
    file: Path
    is_fixed: bool = True
    is_users: bool = True

    def read(self) -> str:
        """Return their certificates.

        Raises:
            UnusableError: there is none, or OpenSSL cannot read one.
        """
        (text,) = _texts(self.folder, CA_KEY)
        found = "".join(pem.certificates(text))
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
        except ssl.SSLError as error:
            raise UnusableError(f"a certificate cannot be read: {error}") from error
        return found

    def put(self, haproxy: Runtime, text: str) -> None:
        """Do nothing."""


@dataclass
class TicketKeys:
    """The keys for session tickets."""

    secret: str
    """The operator's own: it holds the seed."""
    folder: Path
    file: Path
    authorities: Path | None
    """The file with the authorities of clients' certificates; None: they are not asked for."""
    now: Callable[[], float] = time.time
    is_fixed: bool = False
    is_users: bool = False

    def read(self) -> str:
        """Return the keys of now, one on each line.

        Raises:
            UnusableError: there is no seed, or the authorities are not known yet.
        """
        (seed,) = _texts(self.folder, TICKET_SEED_KEY)
        if len(seed) < _SEED_LENGTH:
            raise UnusableError("it holds no seed")
        try:
            authorities = "" if self.authorities is None else self.authorities.read_text()
        except FileNotFoundError as error:
            raise UnusableError("the authorities of clients are not known yet") from error
        return "".join(f"{key}\n" for key in tickets.keys(seed, authorities, tickets.period(self.now())))

    def put(self, haproxy: Runtime, text: str) -> None:
        """Have HAProxy use them; each pushes the oldest out.

        Raises:
            UnusableError: HAProxy does not take them.
            HAProxyError: HAProxy does not answer.
        """
        try:
            for key in text.split():
                haproxy.run(commands.add_ticket_key(self.file, key))
        except CommandRefusedError as error:
            raise UnusableError(str(error)) from error
