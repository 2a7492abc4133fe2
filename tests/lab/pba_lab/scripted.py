"""EndpointSlices that are told as a test wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pba_sync.watching.kube import Event, Listing
from pba_sync.watching.membership import Endpoint, NodeState
from pba_sync.watching.view import Board

Slice = tuple[Endpoint, ...]


def at(name: str, *, ready: bool = True, terminating: bool = False) -> Endpoint:
    """Return a pod's endpoint."""
    return Endpoint(name, "10.0.0.1", 80, ready, serving=True, terminating=terminating)


def listing(version: str, *endpoints: Endpoint) -> Listing[Slice]:
    """Return a list of one slice with these endpoints; without any, of none."""
    return Listing(version, {"slice": endpoints} if endpoints else {})


class OverError(BaseException):
    """The script of a test is at its end."""


class Script:
    """Slices that answer as a test wrote it; notes what was asked."""

    def __init__(self, clock: Any) -> None:
        """Move `clock` by what is asked."""
        self.clock = clock
        self.lists: list[Listing[Slice] | Exception] = []
        self.watches: list[Sequence[Event[Slice] | Exception]] = []
        self.asked: list[str] = []

    def list(self) -> Listing[Slice]:
        """Give the next list, or raise the error in its place."""
        self.asked.append("list")
        if not self.lists:
            raise OverError
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def watch(self, resource_version: str) -> Iterator[Event[Slice]]:
        """Give the next watch, which takes 30 s."""
        self.asked.append(f"watch {resource_version}")
        if not self.watches:
            raise OverError
        self.clock.now += 30
        for event in self.watches.pop(0):
            if isinstance(event, Exception):
                raise event
            yield event


def states(board: Board) -> dict[str, NodeState]:
    """Return the state of each node of the view."""
    assert board.view is not None
    return {name: node.state for name, node in board.view.nodes.items()}
