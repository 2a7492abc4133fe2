"""The sidecar's parts without the world: a clock that tests move, and HAProxy's client before a model of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pba_lab.model import HAProxyModel
from pba_sync.balancer.loop import Loop
from pba_sync.balancer.metrics import Metrics
from pba_sync.haproxy.errors import HAProxyUnreachableError
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.watching.view import Board


class Clock:
    """Monotonic seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class ModelledHAProxy(HAProxy):
    """The client of the runtime API, with the model behind it instead of a socket."""

    def __init__(self, model: HAProxyModel) -> None:
        self.verbs: list[tuple[str, bool]] = []
        super().__init__(Path("/nowhere"), 1, lambda verb, succeeded: self.verbs.append((verb, succeeded)))
        self.model = model
        self.texts: list[str] = []
        self.reachable = True

    def _exchange(self, text: str, _most: int | None = None) -> str:
        if not self.reachable:
            raise HAProxyUnreachableError("no answer from the model")
        self.texts.append(text)
        return self.model.ask(text)


@dataclass(frozen=True)
class Watched:
    """A loop that tells metrics of all that it does, and the board that it reads."""

    board: Board
    metrics: Metrics
    loop: Loop
