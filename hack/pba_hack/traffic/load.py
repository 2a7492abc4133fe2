"""Many clients at once, bounded in count and time: they stop by themselves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pba_hack.traffic.client import Client, RequestFailedError
from pba_hack.traffic.tally import Tally

Journey = Callable[[Client], None]
"""What one client does with its connection, once: a visit of some requests."""


class Load:
    """Clients that make one journey after another until they are told to stop, or their time is over."""

    def __init__(
        self,
        host: str,
        port: int,
        journey: Journey,
        *,
        clients: int = 6,
        pause_seconds: float = 0.05,
        at_most_seconds: float = 600.0,
    ) -> None:
        """Prepare `clients` clients of `host`:`port`; nothing is sent before `start`."""
        self.tally = Tally()
        self.target = (host, port)
        self._journey = journey
        self._pause_seconds = pause_seconds
        self._deadline = time.monotonic() + at_most_seconds
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def start(self) -> None:
        """Let the clients begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each client end its journey, and wait for it.

        Raises:
            Exception: what ended a client that was not told to end: a fault of the journey, not of a request.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._fault is not None:
            raise self._fault

    @property
    def goes_on(self) -> bool:
        """Whether every client is still at work."""
        return all(thread.is_alive() for thread in self._threads)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self) -> None:
        try:
            self._visit()
        except Exception as error:  # noqa: BLE001 - told by `stop`: a thread has nobody else to tell
            self._fault = error

    def _visit(self) -> None:
        while not self._stop.is_set() and time.monotonic() < self._deadline:
            client = Client(*self.target, self.tally)
            try:
                self._journey(client)
            except RequestFailedError:
                # Counted in the tally; a browser's user would begin anew.
                self._stop.wait(self._pause_seconds)
            finally:
                client.close()
            self._stop.wait(self._pause_seconds)
