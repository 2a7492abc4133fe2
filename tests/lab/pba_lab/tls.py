"""Certificates, Secrets as the kubelet mounts them, and the sidecar's keeper of them beside the real HAProxy."""

from __future__ import annotations

import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pba_lab.haproxy import HAProxyProcess
from pba_lab.patience import eventually
from pba_sync.haproxy.runtime import HAProxy
from pba_sync.tls.items import Authorities, Certificate, TicketKeys
from pba_sync.tls.keeper import Keeper, KeeperHooks

LISTING: Final = "certificates.list"
CLIENT_CA: Final = "client-ca.crt"
LOOK_SECONDS: Final = 0.02
SEED: Final = "the-seed-of-these-frontends-1234"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str

    @property
    def serial(self) -> int:
        """What tells it from others."""
        return x509.load_pem_x509_certificate(self.certificate.encode()).serial_number

    def secret(self) -> dict[str, str]:
        """Return it as a Secret of the type kubernetes.io/tls holds it."""
        return {"tls.crt": self.certificate, "tls.key": self.key}


class Authority:
    """Issues certificates."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._sign(self._name, self._key, timedelta(days=30), authority=True)
        self.certificate = made.public_bytes(serialization.Encoding.PEM).decode()

    def issue(
        self, *hosts: str, subject: x509.Name | None = None, life: timedelta = timedelta(days=1)
    ) -> Pair:
        """Return a certificate for these hosts, or of a client's subject; a negative life: it has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        made = self._sign(name, key, life, hosts)
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Pair(made.public_bytes(serialization.Encoding.PEM).decode(), text.decode())

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        life: timedelta,
        hosts: tuple[str, ...] = (),
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + life)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


class Mount:
    """A Secret as the kubelet mounts it: links through one that is swapped when the Secret changes."""

    def __init__(self, folder: Path, texts: dict[str, str]) -> None:
        self.folder = folder
        self._states = itertools.count()
        folder.mkdir()
        self.write(texts)
        for key in texts:
            (folder / key).symlink_to(Path("..data") / key)

    def write(self, texts: dict[str, str]) -> None:
        """Take in what the Secret holds now."""
        link = self.folder / "..data"
        before = link.readlink() if link.is_symlink() else None
        state = self.folder / f"..{next(self._states)}"
        state.mkdir()
        for key, text in texts.items():
            (state / key).write_text(text)
        beside = self.folder / "..data_tmp"
        beside.symlink_to(state.name)
        beside.replace(link)
        if before is not None:
            old = self.folder / before
            for file in old.iterdir():
                file.unlink()
            old.rmdir()


class TLSSidecar:
    """The sidecar's keeper of certificates, in a thread of its own once it is started, and HAProxy beside it."""

    def __init__(
        self,
        haproxy: HAProxyProcess,
        secrets: dict[str, Mount],
        client_ca: Mount | None = None,
        seed: str = SEED,
    ) -> None:
        """Prepare; of two with the same seed, clients resume at the one what they began at the other."""
        self.now = time.time()
        """The sidecar's clock, as far as tickets go by it."""
        self.usable: dict[str, bool] = {}
        self.ends: dict[str, float] = {}
        self._haproxy = haproxy
        folder = haproxy.folder
        listing = folder / LISTING
        (folder / "tickets").mkdir()
        (folder / "tickets" / "seed").write_text(seed)
        authorities = [Authorities("clients", client_ca.folder, folder / CLIENT_CA)] if client_ca else []
        keys = TicketKeys(
            "tickets",
            folder / "tickets",
            folder / "ticket-keys",
            authorities[0].file if authorities else None,
            lambda: self.now,
        )
        self.keeper = Keeper(
            HAProxy(haproxy.socket, 5, lambda *_: None),
            [
                Certificate(name, mount.folder, folder / f"{name}.pem", listing, self.ends.__setitem__)
                for name, mount in secrets.items()
            ],
            [*authorities, keys],
            listing,
            KeeperHooks(time.monotonic, self.usable.__setitem__),
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.keeper.run, args=(self._stop, LOOK_SECONDS))

    def start(self) -> None:
        """Look again and again, and start HAProxy once what it needs lies there, as in its pod.

        Raises:
            HAProxyDiedError: HAProxy ended, or did not answer in time.
        """
        self._thread.start()
        eventually(lambda: self.keeper.started)
        self._haproxy.start()

    def finish(self) -> None:
        """Wait until a look has ended, so that what it does to HAProxy and its files is done."""
        before = self.keeper.looks.ended_at
        eventually(lambda: self.keeper.looks.ended_at != before)

    def stop(self) -> None:
        """End between two looks."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()


def trusting(*authorities: str, client: Pair | None = None, folder: Path | None = None) -> ssl.SSLContext:
    """Return a client that trusts only these; with `client` it shows that certificate (written into `folder`)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata="".join(authorities))
    if client is not None and folder is not None:
        file = folder / f"client-{client.serial}.pem"
        file.write_text(client.certificate + client.key)
        context.load_cert_chain(file)
    return context


@contextmanager
def connected(
    port: int,
    context: ssl.SSLContext,
    host: str | None,
    session: ssl.SSLSession | None = None,
    at: str = "127.0.0.1",
) -> Iterator[ssl.SSLSocket]:
    """Open a connection to the address `at` that asks for `host`; None: it names no host, and checks none."""
    context.check_hostname = host is not None
    with (
        socket.create_connection((at, port), 10) as plain,
        context.wrap_socket(plain, server_hostname=host, session=session) as secure,
    ):
        yield secure


def resumed(
    port: int, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None
) -> ssl.SSLSession | None:
    """Return the session that a request leaves, if it resumed `session` (None: if it began one anew); else None."""
    with connected(port, context, host, session) as secure:
        secure.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        while secure.recv(65536):
            pass
        return secure.session if secure.session_reused == (session is not None) else None


def shown(port: int, context: ssl.SSLContext, host: str | None, at: str = "127.0.0.1") -> int:
    """Return the serial number of the certificate that a client is shown."""
    with connected(port, context, host, at=at) as secure:
        der = secure.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number
