"""HAProxy's runtime API over its UNIX socket: one connection for each command, answers taken strictly.

Source: HAProxy 3.0's management guide, 9.3: a connection that sends one line gets its answer, then end of
file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pba_api.sidecar import TRIAL
from pba_sync.haproxy import commands
from pba_sync.haproxy.commands import Command
from pba_sync.haproxy.connecting import connected
from pba_sync.haproxy.errors import AnswerMalformedError, CommandRefusedError, HAProxyUnreachableError
from pba_sync.haproxy.floor import Floor
from pba_sync.haproxy.retries import Budget, read_budget, read_redispatches
from pba_sync.haproxy.servers import Admin, Server, count_connections, read_servers, read_unanswered

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Incarnation:
    """One life of HAProxy: its worker's process identifier and its start, in seconds since the epoch."""

    pid: int
    started: int
    uptime_seconds: int = field(default=0, compare=False)
    """For how long it had lived when it was asked, however often the time of day was set meanwhile."""


def _read_info(answer: str) -> Mapping[str, str]:
    pairs = (line.partition(": ") for line in answer.splitlines() if line)
    return {key: value for key, _, value in pairs}


def _read_map(answer: str) -> list[tuple[str, str]]:
    lines = [line.split(" ") for line in answer.split("\n") if line]
    if any(len(line) != 3 or not line[0].startswith("0x") for line in lines):  # noqa: PLR2004 - pointer, key, value
        raise AnswerMalformedError(f"not a map: {' '.join(lines[0])[:80]!r}")
    return [(key, value) for _, key, value in lines]


def _sessions(answer: str) -> int:
    header, *rows = answer.strip().split("\n")
    try:
        column = header.removeprefix("# ").split(",").index("scur")
        return int(rows[0].split(",")[column])
    except (IndexError, ValueError) as error:
        raise AnswerMalformedError(
            f"no current sessions (`scur`) in HAProxy's counters: {error!r}"
        ) from error


class HAProxy:
    """The HAProxy of this pod."""

    def __init__(self, path: Path, timeout: float, on_command: Callable[[str, bool], None]) -> None:
        """Speak to the socket at `path`; `on_command(verb, succeeded)` is told of each command.

        Args:
            path: the socket.
            timeout: seconds to wait for an answer.
            on_command: for metrics.
        """
        self._path = path
        self._timeout = timeout
        self._on_command = on_command

    def _exchange(self, text: str, most: int | None = None) -> str:
        chunks: list[bytes] = []
        try:
            with connected(self._path, self._timeout) as connection:
                connection.sendall(text.encode("ascii") + b"\n")
                while chunk := connection.recv(_CHUNK):
                    chunks.append(chunk)
                    if most is not None and len(chunks) * _CHUNK >= most and sum(map(len, chunks)) >= most:
                        break
        except OSError as error:
            raise HAProxyUnreachableError(f"no answer from HAProxy at {self._path}: {error}") from error
        if not chunks:
            raise HAProxyUnreachableError(f"HAProxy at {self._path} closed the connection without an answer")
        return b"".join(chunks).decode("utf-8", "replace")

    def ask(self, command: Command, most: int | None = None) -> str:
        """Return the answer to a command that shows something.

        Args:
            command: the command.
            most: after so many bytes the rest is not read; None: all of it.

        Raises:
            HAProxyUnreachableError: nobody answers.
        """
        try:
            answer = self._exchange(command.text, most)
        except HAProxyUnreachableError:
            self._on_command(command.verb, False)
            raise
        self._on_command(command.verb, True)
        return answer

    def run(self, command: Command) -> None:
        """Carry out a command that changes something.

        Raises:
            HAProxyUnreachableError: nobody answers; whether it was carried out is not known.
            CommandRefusedError: the answer is not the one that means yes.
        """
        try:
            answer = self._exchange(command.text).strip()
        except HAProxyUnreachableError:
            self._on_command(command.verb, False)
            raise
        self._on_command(command.verb, command.is_yes(answer))
        if not command.is_yes(answer):
            raise CommandRefusedError(command.told, answer)

    def servers(self) -> dict[str, Server]:
        """Return the servers of the nodes' backend by name; connections are counted if any is out of rotation."""
        servers = read_servers(self.ask(commands.SHOW_SERVERS))
        if all(server.admin is Admin.READY for server in servers.values()):
            return servers
        return count_connections(servers, self.ask(commands.SHOW_CONNECTIONS))

    def uncounted_servers(self) -> dict[str, Server]:
        """Return the servers of the nodes' backend by name; connections are not counted."""
        return read_servers(self.ask(commands.SHOW_SERVERS))

    def unanswered(self) -> dict[str, int]:
        """Return how many requests run on each server whose answers have not begun."""
        answering = self.ask(commands.SHOW_ANSWERING)
        return read_unanswered(self.ask(commands.SHOW_CONNECTIONS), answering)

    def trial(self) -> str | None:
        """Return the node whose trial waits for a request; of several the first."""
        trials = _read_map(self.ask(commands.SHOW_TRIALS))
        if any(key != TRIAL for key, _ in trials):
            raise AnswerMalformedError(f"not a map of trials: {trials[0]!r}")
        return trials[0][1] if trials else None

    def floor(self) -> Floor:
        """Return which nodes are asked where none passes its checks."""
        places, sizes = (
            _read_map(self.ask(show)) for show in (commands.SHOW_FLOOR, commands.SHOW_FLOOR_SIZE)
        )
        try:
            known: dict[int, str] = {}
            for place, name in places:
                # HAProxy takes a key twice; setting it sets both.
                known[int(place)] = name if known.get(int(place), name) == name else ""
            return Floor(known, int(sizes[0][1]) if sizes else None)
        except ValueError as error:
            raise AnswerMalformedError(f"not the places of nodes: {error}") from error

    def left(self) -> dict[str, str]:
        """Return the nodes that bound clients leave, by their identities."""
        return dict(_read_map(self.ask(commands.SHOW_LEFT)))

    def answers(self) -> list[str]:
        """Return the lines on the last requests, the oldest first."""
        lines = [line for line in self.ask(commands.SHOW_ANSWERS).split("\n") if line]
        if lines and not lines[0].startswith("{"):
            raise AnswerMalformedError(f"not what the log-format writes: {lines[0][:80]!r}")
        return lines

    def redispatches(self) -> dict[str, int]:
        """Return how many tries went on from each node to another one, since it was added."""
        return read_redispatches(self.ask(commands.SHOW_EACH))

    def budget(self) -> Budget:
        """Return what became of the budget of retries since HAProxy started."""
        return read_budget(self.ask(commands.SHOW_RETRIES))

    def failures(self) -> Iterator[None]:
        """Yield whenever requests did not end well, for as long as HAProxy lives.

        Raises:
            HAProxyUnreachableError: nobody answers (any more).
        """
        try:
            with connected(self._path, self._timeout) as connection:
                connection.sendall(commands.FOLLOW_FAILURES.text.encode("ascii") + b"\n")
                connection.settimeout(None)
                while connection.recv(_CHUNK):
                    yield
        except OSError as error:
            raise HAProxyUnreachableError(f"no answer from HAProxy at {self._path}: {error}") from error
        raise HAProxyUnreachableError(f"HAProxy at {self._path} has ended the connection")

    def flags(self) -> frozenset[str]:
        """Return the flags that are raised."""
        lines = self.ask(commands.SHOW_FLAGS).split("\n")
        entries = [line.split(" ") for line in lines if line]
        if any(len(entry) != 2 or not entry[0].startswith("0x") for entry in entries):  # noqa: PLR2004 - pointer, value
            raise AnswerMalformedError(f"not a list of flags: {lines[0][:80]!r}")
        return frozenset(value for _, value in entries)

    def incarnation(self) -> Incarnation:
        """Return which life of HAProxy this is."""
        info = _read_info(self.ask(commands.SHOW_INFO))
        try:
            return Incarnation(int(info["Pid"]), int(info["Start_time_sec"]), int(info["Uptime_sec"]))
        except (KeyError, ValueError) as error:
            raise AnswerMalformedError(
                f"`show info` lacks one of Pid, Start_time_sec and Uptime_sec: {error!r}"
            ) from error

    def client_connections(self) -> int:
        """Return how many connections of clients there are, idle ones included."""
        return _sessions(self.ask(commands.SHOW_CLIENTS))
