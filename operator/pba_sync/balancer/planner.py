"""From the nodes as they should be and HAProxy as it is, to the commands between them: pure.

What must stay true:
- planning what has been carried out gives nothing;
- a node that shall drain never stays in rotation, and one that shall serve is put (back) into it, from
  whatever state a former, interrupted pass left it in;
- but where clients are known by their addresses, a node that keeps them stays in rotation: new ones are not told apart;
- no node is declared healthy that checks have found dead, or that nobody calls ready, while another one serves; one
  that Kubernetes calls ready takes requests at once;
- clients that are bound to a node that goes are sent to it for as long as it keeps them, and no longer;
- no request that runs is cut off before the node's deadline, and none is left behind after it;
- taking nodes out never empties the rotation while one of the same pass could come in first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pba_sync.haproxy import commands
from pba_sync.haproxy.affinity import NO_AFFINITY, Affinity
from pba_sync.haproxy.commands import Check, Command
from pba_sync.haproxy.servers import Admin, Server
from pba_sync.watching import external
from pba_sync.watching.membership import Node, NodeState


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
class Terms:
    """How nodes are added to HAProxy, and let go."""

    drain_seconds: float
    """How long a request may go on running on a node that leaves."""
    check: Check
    requests: int
    """How many requests of this frontend run on a node at a time."""
    affinity: Affinity = NO_AFFINITY
    """How clients are bound to nodes."""


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


def stays(nodes: Mapping[str, Node], name: str) -> bool:
    """Tell whether HAProxy shall have the node `name`, serving or drained by hand."""
    node = nodes.get(name)
    return node is not None and node.state in (NodeState.SERVING, NodeState.DRAINED)


def governed(live: Mapping[str, Server], unresolved: Collection[str]) -> dict[str, Server]:
    """Return HAProxy's servers but those of external nodes whose addresses are not known: they stay as they are."""
    if not unresolved:
        return dict(live)
    return {
        name: server
        for name, server in live.items()
        if not any(external.is_of(name, node) for node in unresolved)
    }


def drain_clock(
    nodes: Mapping[str, Node], live: Mapping[str, Server], since: Mapping[str, float], now: float
) -> dict[str, float]:
    """Return since when each server drains; HAProxy itself does not keep it.

    Not of those that are drained by hand: these are not planned to end. When clients leave them is counted by
    `leaving.Draining`, from HAProxy's state alone.

    Args:
        nodes: the nodes as they should be.
        live: HAProxy's servers.
        since: the answer of the last call.
        now: a monotonic time, in seconds.
    """
    return {name: since.get(name, now) for name in live if not stays(nodes, name)}


def _add(node: Node, terms: Terms, weight: int, *, others_serve: bool) -> Change:
    name, drained = node.name, node.state is NodeState.DRAINED
    return Change(
        Kind.DRAIN if drained else Kind.ADD,
        name,
        (
            commands.add_server(
                name, node.address, node.port, terms.check, terms.requests, weight, terms.affinity
            ),
            commands.enable_health(name),
            commands.set_drain(name) if drained else commands.set_ready(name),
            *_health(node, others_serve=others_serve),
        ),
    )


def _first_weight(live: Mapping[str, Server], terms: Terms) -> int:
    """Return the weight that a node comes with.

    Where no other serves, somebody has to take the load. On a ring a node has its whole share at once: while it rose,
    frontends would not agree where a client belongs.
    """
    full = commands.full_weight(terms.affinity)
    joins = any(server.usable for server in live.values()) and not terms.affinity.by_address
    return full // commands.STEPS if joins else full


def _hold(server: Server) -> Change | None:
    """Return what keeps a server drained: it may be in rotation, or half added or removed."""
    steps = []
    if not server.checked:
        steps.append(commands.enable_health(server.name))
    if server.admin is not Admin.DRAIN:
        steps.append(commands.set_drain(server.name))
    return Change(Kind.DRAIN, server.name, tuple(steps)) if steps else None


def _health(node: Node, *, others_serve: bool) -> Sequence[Command]:
    """Return what HAProxy is told of a node whose checks begin anew.

    If it is told nothing, it takes the node for well until the first check that fails: where no other one serves, that
    is better than to ask nobody, and who is bound to the node finds it.
    """
    if node.proven:
        return (commands.set_healthy(node.name),)
    return (commands.set_unhealthy(node.name),) if others_serve else ()


def _return(node: Node, server: Server, weight: int, *, others_serve: bool) -> Change | None:
    """Return what brings a known server back into rotation: it may stand in drain, or half added.

    In drain it was checked as ever, and comes back as it was found, unless it has become ready since; in maintenance
    it was not.
    """
    steps = []
    if not server.checked:
        steps.append(commands.enable_health(server.name))
    if server.admin is not Admin.READY:
        if server.weight > weight:
            steps.append(commands.set_weight(server.name, weight))
        steps.append(commands.set_ready(server.name))
    if server.admin is Admin.MAINT:
        steps += _health(node, others_serve=others_serve)
    elif node.ready_again and not server.up:
        steps.append(commands.set_healthy(server.name))
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
    terms: Terms,
) -> tuple[Change, ...]:
    """Return the changes that bring HAProxy in step with the nodes, in the order in which to make them.

    Args:
        nodes: the nodes as they should be (`heeding.heed`).
        live: HAProxy's servers.
        draining_since: the answer of `drain_clock`.
        now: the monotonic time that `drain_clock` was given.
        terms: how nodes are added, and let go.
    """
    changes: list[Change | None] = []
    weight = _first_weight(live, terms)
    others_serve = any(server.usable and wanted(nodes, name) for name, server in live.items())
    for name in sorted({*nodes, *live}):
        node, server = nodes.get(name), live.get(name)
        if server is None:
            new = nodes[name]
            added = _add(new, terms, weight, others_serve=others_serve) if stays(nodes, name) else None
            changes.append(added)
        elif node is not None and not _matches(node, server):
            # The pod's sandbox was made anew: nothing answers at the old address any more. (An external node that
            # moves bears another name.)
            changes.append(_remove(server, cut_off=True))
        elif node is not None and wanted(nodes, name):
            changes.append(_return(node, server, weight, others_serve=others_serve))
        elif stays(nodes, name):
            changes.append(_hold(server))
        else:
            age = now - draining_since.get(name, now)
            keeps = node is not None and node.keeps_clients and age < terms.affinity.keeps_for(name)
            overdue = age >= terms.drain_seconds
            changes.append(_retire(server, terms.affinity, keeps=keeps, overdue=overdue))
    return _in_order([change for change in changes if change is not None], live)
