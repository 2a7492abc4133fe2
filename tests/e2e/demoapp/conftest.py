"""The real mysqld and real nodes of the demo application on loopback, without any cluster."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pba_hack.checkout import CHECKOUT
from pba_hack.images import rootfs
from pba_hack.loopback import free_port
from pba_hack.waiting import wait_for

DEADLINE_SECONDS = 60.0
HOST = "localhost"
"""The name in the server's certificate; its address is not in it."""
SMALL = ("--innodb-redo-log-capacity=8388608", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF")


def certificates(folder: Path) -> Path:
    """Write a CA and the server's certificate into `folder`; return the CA's certificate."""
    now = datetime.now(UTC)

    def write(name: str, subject: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None) -> Any:
        key = ec.generate_private_key(ec.SECP256R1())
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        builder = x509.CertificateBuilder().subject_name(common).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).issuer_name(
            issuer[0] if issuer else common
        )
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
        signer = issuer[1] if issuer else key
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(authority, critical=False)
        if issuer is None:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False
            )
        certificate = builder.sign(signer, hashes.SHA256())
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}-key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return common, key

    write("server", HOST, write("ca", "a test's CA", None))
    return folder / "ca.pem"


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
        self._run("--initialize-insecure", f"--init-file={script}").wait(DEADLINE_SECONDS)

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
            command = rootfs.mysqld(self._root, self._base / "data", *SMALL, *options)
            return subprocess.Popen(["nice", *command], stdout=log, stderr=log)

    def _end(self, sent: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(sent)
            self._process.wait(DEADLINE_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except pymysql.OperationalError:
            return False
        return True


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Browser:
    """A client with cookies that sends each request once, to whichever node."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def request(
        self,
        node: Node,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=DEADLINE_SECONDS)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | (
            headers or {}
        )
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    def call(self, node: Node, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send JSON; underscores in the names of `headers` stand for hyphens."""
        sent = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.request(node, method, path, None if body is None else json.dumps(body).encode(), sent)

    def page(self, node: Node, path: str) -> str:
        answer = self.request(node, "GET", path, None, {"Accept": "text/html"})
        assert answer.status == 200, answer.text
        return answer.text

    def submit(self, node: Node, shown_at: str, action: str, **fields: str) -> Answer:
        """Fill in a form on the page at `shown_at` and send it, as a browser does; redirects are not followed."""
        page = self.page(node, shown_at)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        pairs = {"csrf_token": token[1], **fields}
        body = "&".join(f"{k}={quote_plus(v)}" for k, v in pairs.items())
        form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
        return self.request(node, "POST", action, body.encode(), form)

    def sign_up(self, node: Node, **changed: str) -> Answer:
        data = {"email": f"{uuid.uuid4().hex}@example.com", "name": "Ada", "password": "longenough"} | changed
        answer = self.call(node, "POST", "/api/signup", data)
        assert answer.status == 201, answer.text
        return answer

    def order(self, node: Node, key: str, product: str = "web-s") -> Answer:
        lines = [{"product": product, "quantity": 1}, {"product": "mail-10", "quantity": 2}]
        return self.call(node, "POST", "/api/orders", {"lines": lines}, Idempotency_Key=key)


class Node:
    """A node of the application: a process as in its container."""

    def __init__(self, folder: Path, name: str, environment: dict[str, str]) -> None:
        self.name, self.port = name, free_port()
        self._log = folder / f"{name}.log"
        own = {"NODE_NAME": name, "PORT": str(self.port), "PYTHONPATH": str(CHECKOUT / "hack" / "demoapp")}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pba_demoapp"],
                env={"PATH": os.environ["PATH"]} | own | environment,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> Answer:
        return Browser().request(self, "GET", path)

    def answers(self) -> bool:
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def is_ready(self) -> bool:
        try:
            return self.get("/healthz/ready").status == 200
        except OSError:
            return False

    def wait_ready(self) -> Node:
        wait_for(f"{self.name} to be ready", self.is_ready)
        return self

    def stop(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECONDS)


@dataclass
class Stage:
    """A database of its own, and the nodes before it."""

    mysql: Mysql
    database: str
    folder: Path
    nodes: list[Node]

    def environment(self, **changed: str) -> dict[str, str]:
        return {
            "DB_HOST": HOST,
            "DB_PORT": str(self.mysql.port),
            "DB_NAME": self.database,
            "DB_USER": "app",
            "DB_PASSWORD": "secret",
            "DB_CA": str(self.mysql.ca),
            "RESELLER_PASSWORD": "the-reseller",
        } | changed

    def node(self, name: str = "node-a", **changed: str) -> Node:
        node = Node(self.folder, name, self.environment(**changed))
        self.nodes.append(node)
        return node

    def check(self) -> dict[str, Any]:
        found: dict[str, Any] = self.nodes[0].get("/ledger/check").json
        return found


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mysql]:
    server = Mysql(tmp_path_factory.mktemp("mysql"))
    server.start()
    yield server
    server.stop()


@contextlib.contextmanager
def staged(mysql: Mysql, folder: Path) -> Iterator[Stage]:
    database = f"store_{uuid.uuid4().hex[:12]}"
    mysql.execute(f"CREATE DATABASE {database}")
    found = Stage(mysql, database, folder, [])
    try:
        yield found
    finally:
        for node in found.nodes:
            node.process.kill()
            node.process.wait()
    mysql.execute(f"DROP DATABASE {database}")


@pytest.fixture
def stage(mysql: Mysql, tmp_path: Path) -> Iterator[Stage]:
    with staged(mysql, tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def store(mysql: Mysql, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Two nodes that serve and that the tests of one file share: to start a node is what takes long."""
    with staged(mysql, tmp_path_factory.mktemp("store")) as found:
        for name in ("node-a", "node-b"):
            found.node(name)
        for node in found.nodes:
            node.wait_ready()
        yield found


@pytest.fixture
def new_browser() -> Callable[[], Browser]:
    return Browser


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def until() -> Callable[..., Any]:
    """Wait for a condition: `until("what", condition)`."""
    return wait_for


@pytest.fixture
def nodes(store: Stage) -> list[Node]:
    return store.nodes
