"""A real etcd and API server on loopback, without nodes.

For tests of what the API server itself decides, and to read Kubernetes' own schemas.

There are no controllers: workloads make no pods, owners' deletion deletes nothing, namespaces never finish
terminating.
"""

from __future__ import annotations

import contextlib
import functools
import http
import http.client
import json
import os
import secrets
import ssl
import subprocess
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pba_hack import etcd
from pba_hack.loopback import free_port

_START_SECONDS = 180.0
"""A machine that builds and tests at once has been seen to need over a minute."""
_STOP_SECONDS = 20.0

_DISABLED_ADMISSION = (
    "ServiceAccount",  # no controller makes a namespace's default account, without which it refuses pods
    "StorageObjectInUseProtection",  # no controller takes its finalizers off again
    "TaintNodesByCondition",  # nor its taint of a new node
)


class ServerDiedError(RuntimeError):
    """etcd or the API server ended, or did not answer in time; the message holds the end of its log."""


@dataclass(frozen=True)
class Answer:
    """A status code, and the body that came with it."""

    status: int
    data: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was accepted."""
        return self.status < http.HTTPStatus.BAD_REQUEST

    @property
    def body(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.data)


@dataclass(frozen=True)
class ApiServer:
    """A running API server, and how to reach it as an administrator."""

    url: str
    token: str = field(repr=False)
    ca_file: Path
    kubeconfig: Path
    audit_log: Path
    idle: list[http.client.HTTPSConnection] = field(default_factory=list, repr=False, compare=False)
    """Connections that wait for the next request: opening one costs more than a request does."""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Answer:
        """Return what the server answers to one request, a refusal included.

        Args:
            method: the HTTP method.
            path: begins with a slash.
            body: bytes, or anything that becomes JSON.
            content_type: what `body` is.
            accept: the representation that is wanted.
            **query: parameters such as dryRun.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": accept,
            "Content-Type": content_type,
            "User-Agent": "Python",
        }
        target = f"{path}?{urllib.parse.urlencode(query)}"
        while connection := self._waiting():
            with contextlib.suppress(
                http.client.HTTPException, OSError
            ):  # the server has closed it meanwhile
                return self._exchange(connection, method, target, data, headers)
        return self._exchange(self._connect(), method, target, data, headers)

    def _waiting(self) -> http.client.HTTPSConnection | None:
        """Take a connection that waits, if there is one; another thread may be quicker."""
        with contextlib.suppress(IndexError):
            return self.idle.pop()
        return None

    def _connect(self) -> http.client.HTTPSConnection:
        host, _, port = self.url.rpartition("/")[2].partition(":")
        return http.client.HTTPSConnection(host, int(port), timeout=60, context=trusting(self.ca_file))

    def _exchange(
        self,
        connection: http.client.HTTPSConnection,
        method: str,
        target: str,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            connection.request(method, target, data, headers)
            with connection.getresponse() as found:
                answer = Answer(found.status, found.read())
        except BaseException:
            connection.close()
            raise
        self.idle.append(connection)
        return answer

    def hang_up(self) -> None:
        """Close the connections that wait for a next request."""
        while self.idle:
            self.idle.pop().close()

    def is_ready(self) -> bool:
        """Whether the server answers, and says that all its parts have started."""
        try:
            return self.ca_file.exists() and self.request("GET", "/readyz").status == http.HTTPStatus.OK
        except OSError:
            return False


CLOSING_SECONDS: Final = 0.1
"""What an event loop needs to close connections of TLS after aiohttp's session was closed, which does not wait for it
(3.14): one that ends before leaves their sockets to the garbage collector. (In 53 of 100 tries; half of this was enough
in 100 of 100.)"""


@functools.cache
def trusting(ca_file: Path) -> ssl.SSLContext:
    """Return what trusts one server; made once, since reading it costs more than a request."""
    return ssl.create_default_context(cafile=str(ca_file))


@contextlib.contextmanager
def running(binary: Path, folder: Path, *, audit_bodies: bool = True) -> Iterator[ApiServer]:
    """Run etcd and an API server until the block ends; all their files are in `folder`.

    Args:
        binary: the multi-call binary, which is etcd or kube-apiserver by the name it is called by.
        folder: an empty folder, kept afterwards with the logs.
        audit_bodies: whether the audit log holds what was written, too; with thousands of objects that is gigabytes.

    Raises:
        ServerDiedError: one of the two did not start.
    """
    with contextlib.ExitStack() as stack:
        etcd_url = f"http://127.0.0.1:{free_port()}"
        stack.enter_context(process(_etcd_command(binary, folder, etcd_url), folder / "etcd.log"))
        server = _prepare(folder, free_port(), audit_bodies=audit_bodies)
        command = _server_command(binary, folder, etcd_url, server)
        started = stack.enter_context(process(command, folder / "kube-apiserver.log"))
        deadline = time.monotonic() + _START_SECONDS
        while not server.is_ready():
            if started.poll() is not None or time.monotonic() > deadline:
                raise ServerDiedError(f"the API server did not start; the end of its log:\n{_tail(folder)}")
            time.sleep(0.1)
        try:
            yield server
        finally:
            server.hang_up()


def _prepare(folder: Path, port: int, *, audit_bodies: bool = True) -> ApiServer:
    token = secrets.token_hex(16)
    url = f"https://127.0.0.1:{port}"
    _write(folder / "tokens.csv", f'{token},admin,admin,"system:masters"\n')
    _write(folder / "audit-policy.json", json.dumps(_audit_policy(bodies=audit_bodies)))
    subprocess.run(
        ["openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048"], check=True, capture_output=True
    )
    ca_file = folder / "certificates" / "apiserver.crt"
    kubeconfig = folder / "kubeconfig"
    _write(kubeconfig, json.dumps(_kubeconfig(url, token, ca_file)))
    return ApiServer(url, token, ca_file, kubeconfig, folder / "audit.log")


def _audit_policy(*, bodies: bool) -> Mapping[str, Any]:
    """Return what is logged: with bodies, a write that changed nothing can be told from one that did."""
    writes = {"level": "RequestResponse", "verbs": ["create", "update", "patch", "delete"]}
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": [*([writes] if bodies else []), {"level": "Metadata"}],
    }


def _kubeconfig(url: str, token: str, ca_file: Path) -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": str(ca_file)}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        "current-context": "test",
    }


def _etcd_command(binary: Path, folder: Path, url: str) -> Sequence[str]:
    peer_url = f"http://127.0.0.1:{free_port()}"
    return (
        called(binary, folder, "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
        etcd.PROGRESS,
        "--log-level=error",
    )


def _server_command(binary: Path, folder: Path, etcd_url: str, server: ApiServer) -> Sequence[str]:
    accounts_key = folder / "accounts.key"
    return (
        called(binary, folder, "kube-apiserver"),
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={server.url.rpartition(':')[2]}",
        f"--cert-dir={server.ca_file.parent}",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--anonymous-auth=false",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={accounts_key}",
        f"--service-account-signing-key-file={accounts_key}",
        f"--disable-admission-plugins={','.join(_DISABLED_ADMISSION)}",
        f"--audit-policy-file={folder / 'audit-policy.json'}",
        f"--audit-log-path={server.audit_log}",
        "--audit-log-mode=blocking",
    )


def called(binary: Path, folder: Path, name: str) -> str:
    """Return a command by which the multi-call binary is the program `name`."""
    link = folder / "bin" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(binary)
    return str(link)


@contextlib.contextmanager
def process(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as started:
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                started.kill()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _tail(folder: Path) -> str:
    log = folder / "kube-apiserver.log"
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])
