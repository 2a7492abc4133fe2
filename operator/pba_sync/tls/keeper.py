"""Keeps HAProxy's certificates as the user's Secrets are: no reload, no connection lost.

What must stay true:
- level-triggered: each look compares what is mounted with what is in the files and what this life of HAProxy was told;
- what HAProxy reads at its start only is written once: a life of the pod has one state of it;
- HAProxy takes a certificate first, then the file is written: an HAProxy that starts anew finds what the last one had.
  While none runs, a file is written with what was found fit here and was not refused before;
- what cannot be served with changes nothing, and is told once for each cause.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.haproxy.runtime import Incarnation
from pba_sync.looks import Looks
from pba_sync.tls import items
from pba_sync.tls.items import Item
from pba_sync.tls.pem import UnusableError

LOOK_SECONDS: Final = 1.0
"""The kubelet itself needs up to a minute and more to write a changed Secret."""

_LOG = logging.getLogger(__name__)


class Runtime(items.Runtime, Protocol):
    """HAProxy, as far as certificates need it."""

    def incarnation(self) -> Incarnation:
        """Return which life of HAProxy this is."""


@dataclass(frozen=True)
class KeeperHooks:
    """What it needs of the world, and whom it tells: for tests and metrics."""

    clock: Callable[[], float]
    on_verdict: Callable[[str, bool], None]
    """Is told the Secret and whether what it holds is used."""


class Keeper:
    """Keeps HAProxy's certificates."""

    def __init__(
        self,
        haproxy: Runtime,
        certificates: Sequence[Item],
        others: Sequence[Item],
        listing: Path,
        hooks: KeeperHooks,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            haproxy: the HAProxy of this pod.
            certificates: what is shown to clients, the default one first; empty: there is no TLS.
            others: what HAProxy reads beside them; it is not started before all of it is there.
            listing: the file with HAProxy's list of certificates.
            hooks: for tests and metrics.
        """
        self._haproxy = haproxy
        self._certificates = certificates
        self._others = others
        self._listing = listing
        self._hooks = hooks
        self._told: dict[Path, tuple[Incarnation, str]] = {}
        self._refused: dict[Path, tuple[Incarnation, str, str]] = {}
        self._causes: dict[Path, str] = {}
        self.looks = Looks(
            hooks.clock,
            problem="certificates are left as they are: %s",
            fault="a look at the certificates failed on a fault of its own",
        )

    @property
    def started(self) -> bool:
        """Whether HAProxy can be started: what it reads is there."""
        return not self._certificates or self._listing.exists()

    def run(self, ended: threading.Event, every: float = LOOK_SECONDS) -> None:
        """Look after look, until `ended` is set."""
        while not ended.is_set():
            self.step()
            ended.wait(every)

    def step(self) -> None:
        """Look once."""
        with self.looks.once():
            self._look()

    def _look(self) -> None:
        if not self._certificates:
            return
        try:
            incarnation = self._haproxy.incarnation()
        except HAProxyUnreachableError:
            incarnation = None
        for item in (*self._others, *self._certificates):
            try:
                self._bring(item, incarnation)
            except UnusableError as error:
                self._note(item, str(error))
            else:
                self._note(item, "")
        self._list()

    def _bring(self, item: Item, incarnation: Incarnation | None) -> None:
        text = item.read()
        if item.is_fixed and item.file.exists():
            return
        refused = self._refused.get(item.file)
        if incarnation is not None:
            self._tell(item, incarnation, text)
        elif refused is not None and refused[1] == text:
            raise UnusableError(refused[2])
        if not item.file.exists() or item.file.read_text() != text:
            items.write(item.file, text)

    def _tell(self, item: Item, incarnation: Incarnation, text: str) -> None:
        """Have HAProxy use what it was not told yet; what it has refused it is not told again."""
        told = self._told.get(item.file)
        if told == (incarnation, text):
            return
        if (refused := self._refused.get(item.file)) is not None and refused[:2] == (incarnation, text):
            raise UnusableError(refused[2])
        try:
            item.put(self._haproxy, text)
        except UnusableError as error:
            self._refused[item.file] = (incarnation, text, str(error))
            raise
        self._told[item.file] = (incarnation, text)
        if told is not None and told[1] != text and item.is_users:
            _LOG.info("Secret %s has changed, HAProxy uses what it holds now", item.secret)

    def _note(self, item: Item, cause: str) -> None:
        known = self._causes.get(item.file, "")
        self._causes[item.file] = cause
        if cause and cause != known:
            _LOG.warning("Secret %s is not used, HAProxy goes on with what it has: %s", item.secret, cause)
        if known and not cause:
            _LOG.info("Secret %s can be used again", item.secret)
        self._hooks.on_verdict(item.secret, not cause)

    def _list(self) -> None:
        """Write HAProxy's list: what there is, in the order of the spec; not before all else is there."""
        if not all(item.file.exists() for item in self._others):
            return
        text = "".join(f"{item.file}\n" for item in self._certificates if item.file.exists())
        if text and not (self._listing.exists() and self._listing.read_text() == text):
            items.write(self._listing, text)
