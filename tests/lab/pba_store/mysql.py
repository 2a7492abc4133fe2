"""The database: mysqld as it is, with an account for the application and one for the tests."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import pymysql

from pba_hack.images import rootfs
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for
from pba_store.certificates import certificates

_END_SECONDS: Final = 60.0
_SMALL: Final = (
    "--innodb-redo-log-capacity=8388608",
    "--innodb-buffer-pool-size=32M",
    "--performance-schema=OFF",
)


class Mysql:
    """A MySQL server."""

    def __init__(self, base: Path) -> None:
        self.port = free_port()
        self.ca = certificates(base)
        self._base, self._root = base, rootfs.rootfs("mysql")
        self._process: subprocess.Popen[bytes] | None = None
        script = base / "init.sql"
        script.write_text(
            "CREATE USER app@'%' IDENTIFIED BY 'secret'; GRANT ALL ON `store\\_%`.* TO app@'%';\n"
            "CREATE USER admin@'%' IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO admin@'%';\n"
        )
        self._run("--initialize-insecure", f"--init-file={script}").wait(_END_SECONDS)

    def start(self) -> None:
        options = (f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._base}/socket")
        tls = (f"--ssl-cert={self._base}/server.pem", f"--ssl-key={self._base}/server-key.pem")
        self._process = self._run(*options, *tls, f"--pid-file={self._base}/pid")
        wait_for("mysqld to answer", self._answers)

    def kill(self) -> None:
        """Kill it as a crash of its machine would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def execute(self, statement: str, *values: str, database: str | None = None) -> list[dict[str, Any]]:
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            connection.commit()
            return list(cursor.fetchall())

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.DictCursor]:
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="admin",
            password="secret",
            database=database,
            cursorclass=pymysql.cursors.DictCursor,
        )

    def _run(self, *options: str) -> subprocess.Popen[bytes]:
        with (self._base / "log").open("ab") as log:
            command = rootfs.mysqld(self._root, self._base / "data", *_SMALL, *options)
            return subprocess.Popen(["nice", *command], stdout=log, stderr=log)

    def _end(self, sent: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sent)
            self._process.wait(_END_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.OperationalError:
            return False
        return True
