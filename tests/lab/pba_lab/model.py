"""HAProxy's runtime API as a model: the same words in, the same words out, no process.

What must stay true: the model answers as HAProxy 3.0.11 does; a test puts the same commands to both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

_BACKEND = "nodes"
_STATE_HEADER = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
    "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port "
    "srv_check_addr srv_agent_addr srv_agent_port"
)
_CONNECTIONS_HEADER = (
    "bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim "
    "idle_cur idle_per_thr[2]"
)
_OPTIONS = r"(?: weight (\d+))?(?: maxconn (\d+))?(?: cookie \S+| hash-key addr-port)?"
_READY, _MAINT, _DRAIN = 0, 1, 8
_CONFIGURED, _ENABLED, _PAUSED = 2, 4, 8
_STOPPED, _RUNNING = 0, 2
_CHECK_PASSED, _CHECK_FAILED = 15, 17


@dataclass
class ModelServer:
    """A server in the model; `in_use` counts the requests that run on it."""

    name: str
    address: str
    port: int
    admin: int = _MAINT
    state: int = _STOPPED
    check: int = _CONFIGURED
    in_use: int = 0
    weight: int = 1
    limit: int = 0
    result: int = 1
    """Of its last check; none has ended yet."""

    def found(self, *, well: bool) -> None:
        """Have a check end so often that HAProxy believes it."""
        self.state, self.result = (_RUNNING, _CHECK_PASSED) if well else (_STOPPED, _CHECK_FAILED)

    @property
    def checks_go_on(self) -> bool:
        """Tell whether it is checked."""
        return self.admin != _MAINT and bool(self.check & _ENABLED)

    @property
    def in_rotation(self) -> bool:
        """Tell whether requests are sent to it."""
        return self.admin == _READY and self.state == _RUNNING

    @property
    def takes_bound_clients(self) -> bool:
        """Tell whether requests with its cookie are sent to it."""
        return self.admin != _MAINT and self.state == _RUNNING


class HAProxyModel:
    """One HAProxy; `restart` makes it another, empty one."""

    def __init__(self) -> None:
        self.servers: dict[str, ModelServer] = {}
        self.flags: list[str] = []
        self.clients = 0
        self.is_shut = False
        """Whether it accepts no more clients."""
        self.pid = 7
        self.started = 1_000_000
        self.uptime = 100
        self.refuse: set[str] = set()
        """Names of servers for which `add server` is refused."""
        self.trials: list[str] = []
        """Nodes whose trials wait for requests."""
        self.floor: list[tuple[str, str]] = []
        """The nodes that are asked where none passes its checks, by their places; HAProxy takes a key twice."""
        self.floor_size: list[tuple[str, str]] = []
        self.left: list[tuple[str, str]] = []
        """The nodes that bound clients leave: their identities and names."""
        self.answers: list[str] = []
        """The lines on the last requests."""
        self.foreseen = 0
        """How many retries are to come."""
        self.redispatches: dict[str, int] = {}
        """From which servers requests went on to another one, and how often."""
        self.cut_off: list[str] = []
        """On which servers running requests were ended, in order."""

    @property
    def weights(self) -> dict[str, int]:
        """The weight of each server."""
        return {name: server.weight for name, server in self.servers.items()}

    def restart(self) -> None:
        """Lose everything, as a process that dies does."""
        self.servers.clear()
        self.flags.clear()
        self.trials.clear()
        self.left.clear()
        self.floor.clear()
        self.floor_size.clear()
        self.answers.clear()
        self.redispatches.clear()
        self.foreseen = 0
        self.clients = 0
        self.is_shut = False
        self.started += 1
        self.uptime = 0

    def ask(self, text: str) -> str:
        """Return the answer to one command."""
        for pattern, answer in self._COMMANDS:
            match = re.fullmatch(pattern, text)
            if match:
                return answer(self, *match.groups()) + "\n\n"
        raise AssertionError(f"the model does not know this command: {text}")

    def _add(self, name: str, family: str, address: str, port: str, *options: str | None) -> str:
        if name in self.servers:
            return "Already exists a server with the same name in backend."
        if name in self.refuse or (family == "ipv6") != (":" in address):
            return "Refused by the model."
        self.servers[name] = ModelServer(
            name, address, int(port), weight=int(options[0] or 1), limit=int(options[1] or 0)
        )
        return "New server registered."

    def _enable(self, name: str) -> str:
        return self._on(name, lambda server: setattr(server, "check", server.check | _ENABLED))

    def _set_state(self, name: str, state: str) -> str:
        def change(server: ModelServer) -> None:
            if state == "maint":
                server.state = _STOPPED
            elif server.admin == _MAINT:
                server.state = _RUNNING  # until a check fails; from drain it comes as its checks found it
            server.admin = {"ready": _READY, "drain": _DRAIN, "maint": _MAINT}[state]
            paused = state == "maint" and server.check & _ENABLED
            server.check = server.check | _PAUSED if paused else server.check & ~_PAUSED

        return self._on(name, change)

    def _set_health(self, name: str) -> str:
        def change(server: ModelServer) -> None:
            if server.admin != _MAINT:
                server.state = _RUNNING

        return self._on(name, change)

    def _set_unhealthy(self, name: str) -> str:
        return self._on(name, lambda server: setattr(server, "state", _STOPPED))

    def _set_weight(self, name: str, weight: str) -> str:
        return self._on(name, lambda server: setattr(server, "weight", int(weight)))

    def _set_limit(self, name: str, limit: str) -> str:
        return self._on(name, lambda server: setattr(server, "limit", int(limit)))

    def _shut_frontend(self) -> str:
        answer = "Frontend was already shut down.\n" if self.is_shut else ""
        self.is_shut = True
        return answer

    def _shutdown(self, name: str) -> str:
        def change(server: ModelServer) -> None:
            if server.in_use:
                self.cut_off.append(name)
            server.in_use = 0

        return self._on(name, change)

    def _on(self, name: str, change: Callable[[ModelServer], None]) -> str:
        server = self.servers.get(name)
        if server is None:
            return "No such server."
        change(server)
        return ""

    def _wait(self, name: str) -> str:
        server = self.servers.get(name)
        if server is None or server.admin != _MAINT:
            return "Failed."
        return "Wait delay expired." if server.in_use else "Done."

    def _delete(self, name: str) -> str:
        server = self.servers.get(name)
        if server is None:
            return "No such server."
        if server.admin != _MAINT:
            return "Only servers in maintenance mode can be deleted."
        if server.in_use:
            return "Server still has connections attached to it, cannot remove it."
        del self.servers[name]
        return "Server deleted."

    def _show_state(self) -> str:
        rows = [
            f"4 {_BACKEND} {number} {server.name} {server.address} {server.state} {server.admin} {server.weight} 1 "
            f"0 {server.result} 0 0 {server.check} 0 0 0 - {server.port} - 0 0 - - 0"
            for number, server in enumerate(self.servers.values(), 1)
        ]
        return "\n".join(["1", f"# {_STATE_HEADER}", *rows, ""])

    def _show_connections(self) -> str:
        rows = [
            f"{_BACKEND}/{server.name} 4/{number} {server.address} {server.port} - 5000 {server.in_use} "
            "0 0 0 0 -1 0 0 0"
            for number, server in enumerate(self.servers.values(), 1)
        ]
        return "\n".join([f"# {_CONNECTIONS_HEADER}", *rows])

    def _show_answering(self) -> str:
        """Tell of none: what runs here is not answered yet."""
        return "# table: answering, type: integer, size:4096, used:0"

    def _show_flags(self) -> str:
        return "\n".join(f"0x{number:x} {flag}" for number, flag in enumerate(self.flags, 1))

    def _add_flag(self, flag: str) -> str:
        self.flags.append(flag)
        return ""

    def _show_trials(self) -> str:
        return "\n".join(f"0x{number:x} node {name}" for number, name in enumerate(self.trials, 1))

    def _give_trial(self, name: str) -> str:
        self.trials.append(name)
        return ""

    def _take_trials_back(self) -> str:
        self.trials.clear()
        return ""

    def _show_left(self) -> str:
        return "\n".join(f"0x{number:x} {word} {name}" for number, (word, name) in enumerate(self.left, 1))

    def _leave(self, word: str, name: str) -> str:
        self.left.append((word, name))
        return ""

    def _stay(self, word: str) -> str:
        before = len(self.left)
        self.left = [entry for entry in self.left if entry[0] != word]
        return "" if len(self.left) < before else "Key not found."

    def _map(self, name: str) -> list[tuple[str, str]]:
        return self.floor if name == "floor" else self.floor_size

    def _show_map(self, name: str) -> str:
        entries = enumerate(self._map(name), 1)
        return "\n".join(f"0x{number:x} {key} {value}" for number, (key, value) in entries)

    def _add_to_map(self, name: str, key: str, value: str) -> str:
        self._map(name).append((key, value))
        return ""

    def _set_in_map(self, name: str, key: str, value: str) -> str:
        entries = self._map(name)
        if key not in dict(entries):
            return "entry not found."
        entries[:] = [(one, value if one == key else other) for one, other in entries]
        return ""

    def _take_from_map(self, name: str, key: str) -> str:
        entries = self._map(name)
        if key not in dict(entries):
            return "Key not found."
        entries[:] = [entry for entry in entries if entry[0] != key]
        return ""

    def _foresee(self, retries: str) -> str:
        self.foreseen = int(retries)
        return ""

    def _show_answers(self) -> str:
        return "\n".join(self.answers)

    def _show_each(self) -> str:
        rows = [f"{_BACKEND},{name},0,{self.redispatches.get(name, 0)}," for name in self.servers]
        return "\n".join(["# pxname,svname,wretr,wredis,", *rows])

    def _show_info(self) -> str:
        return f"Name: HAProxy\nPid: {self.pid}\nStart_time_sec: {self.started}\nUptime_sec: {self.uptime}"

    def _show_clients(self) -> str:
        return f"# pxname,svname,qcur,qmax,scur,smax\npublic,FRONTEND,,,{self.clients},9"

    _COMMANDS: ClassVar[Sequence[tuple[str, Callable[..., str]]]] = (
        (
            rf"add server {_BACKEND}/(\S+) (ipv[46])@(\S+):(\d+) check .*?{_OPTIONS}",
            _add,
        ),
        (rf"enable health {_BACKEND}/(\S+)", _enable),
        (rf"set server {_BACKEND}/(\S+) state (ready|drain|maint)", _set_state),
        (rf"set server {_BACKEND}/(\S+) health up", _set_health),
        (rf"set server {_BACKEND}/(\S+) health down", _set_unhealthy),
        (rf"set server {_BACKEND}/(\S+) weight (\d+)", _set_weight),
        (rf"set maxconn server {_BACKEND}/(\S+) (\d+)", _set_limit),
        (r"shutdown frontend public", _shut_frontend),
        (rf"shutdown sessions server {_BACKEND}/(\S+)", _shutdown),
        (rf"wait \d+ms srv-removable {_BACKEND}/(\S+)", _wait),
        (rf"del server {_BACKEND}/(\S+)", _delete),
        (rf"show servers state {_BACKEND}", _show_state),
        (rf"show servers conn {_BACKEND}", _show_connections),
        (r"show table answering", _show_answering),
        (r"show acl virt@flags", _show_flags),
        (r"add acl virt@flags (\S+)", _add_flag),
        (r"show map virt@left", _show_left),
        (r"add map virt@left (\S+) (\S+)", _leave),
        (r"del map virt@left (\S+)", _stay),
        (r"show map virt@trials", _show_trials),
        (r"add map virt@trials node (\S+)", _give_trial),
        (r"clear map virt@trials", _take_trials_back),
        (r"show map virt@(floor|floor-size)", _show_map),
        (r"add map virt@(floor|floor-size) (\S+) (\S+)", _add_to_map),
        (r"set map virt@(floor|floor-size) (\S+) (\S+)", _set_in_map),
        (r"del map virt@(floor|floor-size) (\S+)", _take_from_map),
        (r"set table foreseen key 0 data.http_req_rate (\d+)", _foresee),
        (r"show events answers", _show_answers),
        (r"show info", _show_info),
        (r"show stat public 1 -1", _show_clients),
        (rf"show stat {_BACKEND} 4 -1", _show_each),
    )
