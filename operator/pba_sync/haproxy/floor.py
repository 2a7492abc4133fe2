"""Which nodes HAProxy asks where none passes its checks, or too few for what is asked: pure.

HAProxy then draws one by its place, from 0 to their number. What must stay true: after each of the commands, whatever
is drawn is a node that is there, or that has gone a moment ago; and few places change when a node comes or goes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.servers import Connects, Server


@dataclass(frozen=True)
class Floor:
    """What HAProxy knows."""

    places: Mapping[int, str]
    """The nodes' names."""
    size: int | None
    """From how many places it draws; None: it was never told."""


def worth_asking(wanted: Iterable[str], live: Mapping[str, Server]) -> list[str]:
    """Return the nodes that are asked: those that take connections, or all if none does.

    A node that answers its checks late or wrong may well answer what clients ask for; one that refuses connections
    cannot. One at which they take too long may be gone, or only be as busy as the others are, if these are most.

    Args:
        wanted: the nodes that shall serve.
        live: HAProxy's servers.
    """
    there = [name for name in wanted if name in live]
    open_ones = [name for name in there if live[name].connects is not Connects.NO]
    quick = [name for name in open_ones if live[name].connects is Connects.YES]
    return quick if 2 * len(quick) >= len(open_ones) > 0 else open_ones or there


def steps(known: Floor, wanted: Collection[str]) -> list[Command]:
    """Return the commands that bring HAProxy in step.

    Args:
        known: what it knows.
        wanted: the nodes that are to be asked.
    """
    places = _places(known.places, wanted)
    found = []
    for place, name in places.items():
        if place not in known.places:
            found.append(commands.put_on_floor(place, name))
        elif known.places[place] != name:
            found.append(commands.move_on_floor(place, name))
    if known.size != len(wanted):
        found.append(commands.size_floor(known.size, len(wanted)))
    return found + [commands.take_from_floor(place) for place in sorted(known.places.keys() - places.keys())]


def _places(known: Mapping[int, str], wanted: Collection[str]) -> dict[int, str]:
    """Return who is at which place: who has a good one keeps it."""
    left = set(wanted)
    kept = {}
    for place in range(len(wanted)):
        name = known.get(place)
        if name in left:
            kept[place] = name
            left.remove(name)
    free = sorted(left, reverse=True)
    return {place: kept.get(place) or free.pop() for place in range(len(wanted))}
