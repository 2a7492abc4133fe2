"""From the nodes as they should be and HAProxy as it is, to the commands between them: pure.

What must stay true:
- planning what has been carried out gives nothing;
- a node that shall drain never stays in rotation, and one that shall serve is put (back) into it, from
  whatever state a former, interrupted pass left it in;
- but where clients are known by their addresses, a node that keeps them stays in rotation: new ones are not told apart;
- clients that are bound to a node that goes are sent to it for as long as it keeps them, and no longer;
- no request that runs is cut off before the node's deadline, and none is left behind after it;
- taking nodes out never empties the rotation while one of the same pass could come in first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pba_sync.balancer import commands
from pba_sync.balancer.affinity import NO_AFFINITY, Affinity
from pba_sync.balancer.commands import Command
from pba_sync.balancer.membership import Node, NodeState
from pba_sync.balancer.servers import Admin, Server


class Kind(Enum):
    """What a change means to a node."""

    ADD = "added"
    RETURN = "returned"
    DRAIN = "drained"
    RELEASE = "released"
    """Clients that are bound to it are sent to others from now on; what runs goes on."""
    REMOVE = "removed"
    CUT_OFF = "cut off"
    """Removed with requests still running: its deadline is over."""


@dataclass(frozen=True, slots=True)
class Change:
    """The commands for one server, in order; the first that fails ends the change."""

    kind: Kind
    server: str
    commands: tuple[Command, ...]


def _matches(node: Node, server: Server) -> bool:
    return (node.address, node.port) == (server.address, server.port)


def wanted(nodes: Mapping[str, Node], name: str) -> bool:
    """Tell whether the node `name` shall serve."""
    node = nodes.get(name)
    return node is not None and node.state is NodeState.SERVING


def drain_clock(
    nodes: Mapping[str, Node], live: Mapping[str, Server], since: Mapping[str, float], now: float
) -> dict[str, float]:
    """Return since when each server drains; HAProxy itself does not keep it.

    Args:
        nodes: the nodes as they should be.
        live: HAProxy's servers.
        since: the answer of the last call.
        now: a monotonic time, in seconds.
    """
    return {name: since.get(name, now) for name in live if not wanted(nodes, name)}


def _add(node: Node, affinity: Affinity) -> Change:
    name = node.name
    return Change(
        Kind.ADD,
        name,
        (
            commands.add_server(name, node.address, node.port, affinity),
            commands.enable_health(name),
            commands.set_ready(name),
            commands.set_healthy(name),
        ),
    )


def _return(server: Server) -> Change | None:
    """Return what brings a known server back into rotation: it may stand in drain, or half added."""
    steps = []
    if not server.checked:
        steps.append(commands.enable_health(server.name))
    if server.admin is not Admin.READY:
        steps += [commands.set_ready(server.name), commands.set_healthy(server.name)]
    return Change(Kind.RETURN, server.name, tuple(steps)) if steps else None


def _remove(server: Server, *, cut_off: bool) -> Change:
    steps = [] if server.admin is Admin.MAINT else [commands.set_maintenance(server.name)]
    if cut_off:
        steps.append(commands.shutdown_sessions(server.name))
    steps += [commands.wait_removable(server.name), commands.delete_server(server.name)]
    return Change(Kind.CUT_OFF if cut_off else Kind.REMOVE, server.name, tuple(steps))


def _retire(server: Server, affinity: Affinity, *, keeps: bool, overdue: bool) -> Change | None:
    if keeps and server.admin is (Admin.READY if affinity.by_address else Admin.DRAIN):
        return None  # clients that are bound to it come again, also if nothing runs on it just now
    if server.admin is Admin.READY and (keeps or not affinity.by_cookie):
        return Change(Kind.DRAIN, server.name, (commands.set_drain(server.name),))
    if server.admin is not Admin.READY and not server.in_use:
        return _remove(server, cut_off=False)
    if overdue:
        return _remove(server, cut_off=True)
    # Only in maintenance HAProxy takes no more of the clients that are bound to it.
    released = server.admin is Admin.MAINT or not affinity.by_cookie
    return None if released else Change(Kind.RELEASE, server.name, (commands.set_maintenance(server.name),))


def _in_order(changes: list[Change], live: Mapping[str, Server]) -> tuple[Change, ...]:
    """Order changes: out of rotation first, unless nobody would be left; removals last."""
    by_kind: dict[Kind, list[Change]] = {kind: [] for kind in Kind}
    for change in changes:
        by_kind[change.kind].append(change)
    out = [*by_kind[Kind.DRAIN], *by_kind[Kind.RELEASE]]
    into = [*by_kind[Kind.RETURN], *by_kind[Kind.ADD]]
    leaving = {change.server for change in out}
    staying = any(server.usable and name not in leaving for name, server in live.items())
    first = [*out, *into] if staying else [*into, *out]
    return (*first, *by_kind[Kind.REMOVE], *by_kind[Kind.CUT_OFF])


def plan(
    nodes: Mapping[str, Node],
    live: Mapping[str, Server],
    draining_since: Mapping[str, float],
    now: float,
    drain_seconds: float,
    affinity: Affinity = NO_AFFINITY,
) -> tuple[Change, ...]:
    """Return the changes that bring HAProxy in step with the nodes, in the order in which to make them.

    Args:
        nodes: the nodes as they should be.
        live: HAProxy's servers.
        draining_since: the answer of `drain_clock`.
        now: the monotonic time that `drain_clock` was given.
        drain_seconds: how long a request may go on running on a node that leaves.
        affinity: how clients are bound to nodes.
    """
    changes: list[Change | None] = []
    for name in sorted({*nodes, *live}):
        node, server = nodes.get(name), live.get(name)
        if server is None:
            changes.append(_add(nodes[name], affinity) if wanted(nodes, name) else None)
        elif node is not None and not _matches(node, server):
            # The pod's sandbox was made anew: nothing answers at the old address any more.
            changes.append(_remove(server, cut_off=True))
        elif wanted(nodes, name):
            changes.append(_return(server))
        else:
            age = now - draining_since.get(name, now)
            keeps = node is not None and node.keeps_clients and age < affinity.keep_seconds
            changes.append(_retire(server, affinity, keeps=keeps, overdue=age >= drain_seconds))
    return _in_order([change for change in changes if change is not None], live)
