"""Names of the children of a PBACluster.

A name written here once is a promise: users script against Services and Secrets by name.
"""

from __future__ import annotations


def service(cluster: str) -> str:
    """Return the name of the clients' one address."""
    return cluster


def service_host(service: str, namespace: str) -> str:
    """Return the host name of a Service, from whatever namespace it is asked for."""
    return f"{service}.{namespace}.svc"


def database(cluster: str) -> str:
    """Return the name of the MySQL StatefulSet, its headless Service and its ConfigMap."""
    return f"{cluster}-mysql"


def database_primary(cluster: str) -> str:
    """Return the name of the Service that leads to the primary."""
    return f"{cluster}-mysql-primary"


def database_secondaries(cluster: str) -> str:
    """Return the name of the Service that leads to the secondaries, in the certificate from the first day."""
    return f"{cluster}-mysql-secondaries"


def database_member(cluster: str, ordinal: int) -> str:
    """Return the name of the pod of the member `ordinal`, counted from 0."""
    return f"{database(cluster)}-{ordinal}"


def database_claim(cluster: str, ordinal: int) -> str:
    """Return the name of the volume claim of the member `ordinal` (the template is called `data`)."""
    return f"data-{database_member(cluster, ordinal)}"


def database_app_secret(cluster: str) -> str:
    """Return the name of the Secret with the application's credentials (named in `status.database`)."""
    return f"{cluster}-mysql-app"


def database_admin_secret(cluster: str) -> str:
    """Return the name of the Secret with the operator's own MySQL account."""
    return f"{cluster}-mysql-admin"


def database_ca_secret(cluster: str) -> str:
    """Return the name of the Secret with the cluster's own certificate authority (key and certificate)."""
    return f"{cluster}-mysql-ca"


def database_tls_secret(cluster: str) -> str:
    """Return the name of the Secret with the members' server certificate, and the CA's certificate."""
    return f"{cluster}-mysql-tls"


def management(cluster: str) -> str:
    """Return the name of the management node's Deployment, and of its selector Service where frontends lead to it."""
    return f"{cluster}-management"


def backend(cluster: str) -> str:
    """Return the name of the backend nodes' Deployment, and of the selector Service that the sidecar follows."""
    return f"{cluster}-backend"


def frontend(cluster: str) -> str:
    """Return the name of the frontend's Deployment, ConfigMap, ServiceAccount, Role and RoleBinding."""
    return f"{cluster}-frontend"


def nodes(cluster: str) -> str:
    """Return the name of the ConfigMap that declares nodes to the frontends' sidecars."""
    return f"{cluster}-nodes"


def frontend_tickets(cluster: str) -> str:
    """Return the name of the Secret with the seed of the frontends' keys for TLS session tickets."""
    return f"{cluster}-frontend-tickets"


def application_config(cluster: str) -> str:
    """Return the name of the Secret with the rendered `application.configFiles`."""
    return f"{cluster}-config"
