"""Which Secrets are the database's own: their identities, and which of them outlive the PBACluster."""

from __future__ import annotations

from pba_api import names
from pba_operator.domain.model import ChildId, Cluster


def authority(cluster: Cluster) -> ChildId:
    """Return the Secret with the certificate authority."""
    return ChildId("Secret", names.database_ca_secret(cluster.name))


def admin(cluster: Cluster) -> ChildId:
    """Return the Secret with the operator's own account."""
    return ChildId("Secret", names.database_admin_secret(cluster.name))


def application(cluster: Cluster) -> ChildId:
    """Return the Secret with the application's password, where we make it (`passwordSecretRef` is not given)."""
    return ChildId("Secret", names.database_app_secret(cluster.name))


def certificate(cluster: Cluster) -> ChildId:
    """Return the Secret with the server's certificate."""
    return ChildId("Secret", names.database_tls_secret(cluster.name))


def kept(cluster: Cluster) -> tuple[ChildId, ...]:
    """Return the generated Secrets that belong to the kept set, in the order in which they are made."""
    always = (authority(cluster), admin(cluster))
    is_ours = cluster.spec.database.user.password_secret_ref is None
    return (*always, application(cluster)) if is_ours else always
