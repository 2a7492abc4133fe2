"""What the application needs to know of its database."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from pba_api import ports
from pba_operator.domain import secret_keys
from pba_operator.domain.database import members, secret_ids, secrets
from pba_operator.domain.model import Cluster, Observed


@dataclass(frozen=True)
class Connection:
    """How the application reaches its database, and as whom."""

    host: str
    port: int
    database: str
    user: str
    password_secret: str
    """The Secret with the password, and `password_key` in it."""
    password_key: str
    ca_secret: str
    """The Secret with the certificate of the authority that signs the server's, and `ca_key` in it."""
    ca_key: str
    password: str = field(repr=False)
    fingerprint: str
    """Changes when a pod that has read the Secrets has to read them again."""


def environment(cluster: Cluster, observed: Observed) -> Connection | None:
    """Return how the application reaches its database; None while the Secrets for it are not there."""
    child, key = secrets.password_ref(cluster)
    password = secrets.value(secrets.password_secret(cluster, observed), key)
    authority = secrets.ours(cluster, observed, secret_ids.authority(cluster))
    certificate = secrets.value(authority, secret_keys.CA_CERTIFICATE)
    if password is None or certificate is None:
        return None
    return Connection(
        host=members.primary_host(cluster),
        port=ports.MYSQL,
        database=cluster.spec.database.name,
        user=cluster.spec.database.user.name,
        password_secret=child.name,
        password_key=key,
        ca_secret=secret_ids.authority(cluster).name,
        ca_key=secret_keys.CA_CERTIFICATE,
        password=password,
        fingerprint=hashlib.sha256(f"{password}\n{certificate}".encode()).hexdigest(),
    )
