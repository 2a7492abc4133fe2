"""Gets the database ready in the background, so that a node starts whether its database is there yet or not.

What must stay true: the process never ends because the database is away; `/healthz/ready` says why it is not ready.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from pba_demoapp import accounts
from pba_demoapp.database import Probe
from pba_demoapp.errors import DatabaseError
from pba_demoapp.schema import ensure_schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from pba_demoapp.database import Database
    from pba_demoapp.settings import Settings

log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.25, 5.0


class Readiness:
    """Whether this node can serve: the schema is there, and the database answers now."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._probe = Probe(settings)
        self._prepared = threading.Event()
        self._obstacle = "the schema is being prepared"

    def start(self) -> None:
        """Begin to prepare the database, in a thread of its own."""
        threading.Thread(target=self._prepare_until_done, name="prepare", daemon=True).start()

    @property
    def prepared(self) -> bool:
        """Whether the schema is known to be there."""
        return self._prepared.is_set()

    def obstacle(self) -> str | None:
        """Return what keeps this node from serving, or None; asks the database."""
        if not self.prepared:
            return self._obstacle
        return self._probe.obstacle()

    def _prepare_until_done(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while not self._prepared.is_set():
            try:
                self._database.run(self._prepare, idempotent=True)
            except DatabaseError as error:
                if str(error) != self._obstacle:
                    log.warning("not ready: %s", error)
                self._obstacle = str(error)
            except Exception as error:
                # A thread that ends silently would leave the node unready for ever, and nobody the wiser.
                log.exception("cannot prepare the database")
                self._obstacle = f"the database could not be prepared: {error}"
            else:
                self._prepared.set()
                log.info("the database is ready")
                return
            self._prepared.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    def _prepare(self, connection: Connection) -> None:
        ensure_schema(connection)
        if self._settings.reseller_password:
            email, password = self._settings.reseller_email, self._settings.reseller_password
            accounts.ensure_reseller(connection, email, password, self._clock())
