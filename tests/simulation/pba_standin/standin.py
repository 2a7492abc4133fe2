"""The stand-in: one process for as many servers as there are members, each on a port of its own."""

from __future__ import annotations

import selectors
import socket
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Protocol, Self

from pba_api import ports
from pba_standin.connecting import connector, refused
from pba_standin.database import Database
from pba_standin.names import Names
from pba_standin.place import Place
from pba_standin.server import Files, Server

_JOIN_SECONDS: Final = 10.0


class Pods(Protocol):
    """Where the members' pods are seen."""

    def running(self, host: str) -> str | None:
        """Return what identifies the run of a member's container: another one after each start. None: it does not run.

        Raises:
            OSError: there is no such name.
        """

    def files(self, host: str) -> Files:
        """Return what that pod mounts. It is asked for at each start only.

        Raises:
            OSError: a part of it is not there, so nothing has started.
        """


@dataclass
class _Member:
    """What is known of a host."""

    place: Place = field(default_factory=Place)
    run: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class StandIn:
    """Servers of MySQL for the members of all PBAClusters that `pods` sees."""

    def __init__(self, pods: Pods) -> None:
        """Begin to listen; `close` ends it.

        Args:
            pods: where the members' pods are seen.
        """
        self._pods = pods
        self._members: dict[str, _Member] = {}
        self._volumes: defaultdict[str, Database] = defaultdict(Database)
        self._lock = threading.Lock()
        self._doors = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        self._names = Names(self.port)
        self._doors.register(self._ear, selectors.EVENT_READ)
        self._doors.register(self._names, selectors.EVENT_READ, self._names)
        self._unknown: list[str] = []
        self._porter = threading.Thread(target=self._attend, name="stand-in", daemon=True)
        self._porter.start()
        self.connect = connector(self.port)
        """Connects as `pymysql.connect` does, by the hosts' names inside of the cluster."""

    def port(self, host: str, port: int) -> int:
        """Return the port of loopback behind which a member listens, having started its mysqld if its pod runs.

        Args:
            host: the member's name inside of the cluster.
            port: where it is expected to listen.

        Raises:
            OSError: there is no such name, or nobody listens at that port.
        """
        if port != ports.MYSQL:
            raise refused(host, port)
        run = self._pods.running(host)
        member = self._member(host)
        with member.lock:
            if run != member.run:
                self._stop(member)
                if run is not None:
                    files = self._pods.files(host)
                    member.place.start(self._volumes[files.volume], files)
                    self._doors.register(member.place, selectors.EVENT_READ, member.place)
                member.run = run
        return member.place.port

    @property
    def names(self) -> int:
        """The port of loopback at which other processes ask for members (`names.asking`)."""
        return self._names.port

    def server(self, host: str) -> Server:
        """Return the mysqld that runs as a member.

        Raises:
            OSError: none does.
        """
        self.port(host, ports.MYSQL)
        server = self._member(host).place.server
        if server is None:
            raise refused(host, ports.MYSQL)
        return server

    @property
    def unknown(self) -> list[str]:
        """What any of the servers was asked and does not know; tests make sure that it is empty."""
        with self._lock:
            running = [member.place.server for member in self._members.values()]
        now = [problem.message for server in running if server is not None for problem in server.unknown]
        return [*self._unknown, *now]

    def _member(self, host: str) -> _Member:
        with self._lock:
            if host not in self._members:
                self._members[host] = _Member()
            return self._members[host]

    def _stop(self, member: _Member) -> None:
        server = member.place.server
        if server is None:
            return
        self._doors.unregister(member.place)
        member.place.stop()
        self._unknown += [problem.message for problem in server.unknown]

    def _attend(self) -> None:
        while True:
            for key, _events in self._doors.select():
                if key.data is None:
                    return
                key.data.welcome()

    def close(self) -> None:
        """End all servers."""
        self._bell.send(b"\0")
        self._porter.join(_JOIN_SECONDS)
        for member in self._members.values():
            with member.lock:
                self._stop(member)
                member.place.close()
        self._doors.close()
        self._names.close()
        self._bell.close()
        self._ear.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
