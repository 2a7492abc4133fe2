"""What the operator, its HAProxy configuration and the sidecar have agreed on.

The operator writes the pod and haproxy.cfg, the sidecar runs in the one and talks to the other: a word that one of
them spells differently is a node that never gets traffic, or a client that is cut off. So each word stands here once;
those of HAProxy's log are in `log_fields`.

What must stay true: whatever the sidecar reads from its environment, the operator sets, without exception. The words
in haproxy.cfg are never changed: an HAProxy that is started anew in an old pod, beside the old sidecar, reads the new
file.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

# The environment: what the operator sets in the pod.
ENV_NAMESPACE: Final = "PBA_NAMESPACE"
ENV_SERVICES: Final = "PBA_SERVICES"
"""The nodes' selector Services, whose EndpointSlices are followed, with commas between them. One that does not exist
has no nodes; that it is there, or goes, changes nothing in the frontend's pods."""
ENV_PORT_NAME: Final = "PBA_PORT_NAME"
ENV_NODES_CONFIG_MAP: Final = "PBA_NODES_CONFIG_MAP"
"""The ConfigMap by which the operator declares what no EndpointSlice tells of the nodes. The sidecar watches it."""
ENV_FRONTEND_SERVICE: Final = "PBA_FRONTEND_SERVICE"
"""The clients' Service: in its EndpointSlices are the frontends."""
ENV_FRONTEND_PREFIX: Final = "PBA_FRONTEND_PREFIX"
"""How the names of the frontends' pods begin."""
ENV_DRAIN_SECONDS: Final = "PBA_DRAIN_SECONDS"
"""How long a node that goes may take for what it has begun."""
ENV_LEAVE_SECONDS: Final = "PBA_LEAVE_SECONDS"
"""How long a frontend that goes accepts connections at least."""
ENV_SLOW_START_SECONDS: Final = "PBA_SLOW_START_SECONDS"
ENV_LATE_PERCENT: Final = "PBA_LATE_PERCENT"
ENV_LATE_MILLISECONDS: Final = "PBA_LATE_MILLISECONDS"
ENV_TRIAL_PERIOD_SECONDS: Final = "PBA_TRIAL_PERIOD_SECONDS"
ENV_MAX_OUT_PERCENT: Final = "PBA_MAX_OUT_PERCENT"
"""These five: `frontend.balancing`."""
ENV_AFFINITY: Final = "PBA_AFFINITY"
"""By what a client is known again: the field `type` of `frontend.sessionAffinity`."""
COOKIE: Final = "Cookie"
CLIENT_IP: Final = "ClientIP"
NO_AFFINITY: Final = "None"
ENV_IDENTITY_KEY: Final = "PBA_IDENTITY_KEY"
"""See `identity`."""
ENV_KEEP_SECONDS: Final = "PBA_KEEP_SECONDS"
"""How long a node that goes keeps the clients that are bound to it."""
ENV_MANAGEMENT_PREFIX: Final = "PBA_MANAGEMENT_PREFIX"
"""How the names of the management node's pods begin."""
ENV_MANAGEMENT_KEEP_SECONDS: Final = "PBA_MANAGEMENT_KEEP_SECONDS"
"""As `ENV_KEEP_SECONDS`, for the management node, which is told to stop sooner."""
ENV_LEAVE_SLOW_MILLISECONDS: Final = "PBA_LEAVE_SLOW_MILLISECONDS"
"""Clients leave a node that is slower than others if it takes longer than this; a node that takes requests and has
answered none for so long gets no more."""
ENV_REQUESTS_PER_NODE: Final = "PBA_REQUESTS_PER_NODE"
"""How many requests may run on one node at a time, over all frontends."""
ENV_REQUESTS_PER_CLIENT: Final = "PBA_REQUESTS_PER_CLIENT"
"""How many requests of one client are let through in a second, over all frontends; 0: any number."""
ENV_CHECK_INTERVAL_MILLISECONDS: Final = "PBA_CHECK_INTERVAL_MILLISECONDS"
ENV_CHECK_FALL: Final = "PBA_CHECK_FALL"
ENV_CHECK_RISE: Final = "PBA_CHECK_RISE"
"""How HAProxy checks the nodes: the sidecar adds them, and HAProxy takes these from nowhere else."""
ENV_TLS_SECRETS: Final = "PBA_TLS_SECRETS"
"""The names of the Secrets with certificates, with commas between them, the default one first; empty: no TLS."""
ENV_CLIENT_CA_SECRET: Final = "PBA_CLIENT_CA_SECRET"  # noqa: S105 - a variable's name
"""The name of the Secret with the authority of the clients' certificates; empty: none is asked for."""
ENV_HAPROXY_SOCKET: Final = "PBA_HAPROXY_SOCKET"
ENV_TOKEN_FOLDER: Final = "PBA_TOKEN_FOLDER"  # noqa: S105 - a variable's name, no token
ENV_HTTP_PORT: Final = "PBA_HTTP_PORT"
ENV_POD_IPS: Final = "PBA_POD_IPS"
"""The pod's addresses: both programs listen on IPv6, too, where it has one."""
ENV_TLS: Final = "PBA_TLS"
"""HAProxy's: set in pods that are made for TLS. An HAProxy that is started anew in an older pod goes without."""

# Files: what the pod mounts, and what the two programs write.
NODES_KEY: Final = "nodes.json"
"""In the ConfigMap `ENV_NODES_CONFIG_MAP`: an object, whose fields follow."""
NODES_EXTERNAL: Final = "external"
"""A list of nodes outside of the cluster: name, host (a name or an address), port."""
NODES_DRAINED: Final = "drained"
"""A list of the names of nodes, pods or outside, that are drained by hand."""

RUN_FOLDER: Final = "/run/haproxy"
"""In the frontend's pods, of both containers: HAProxy's socket, and the files by which its end is agreed on."""
SOCKET: Final = f"{RUN_FOLDER}/admin.sock"
"""HAProxy's runtime API."""
STOPPING_FILE: Final = "stopping"
"""Beside the socket, made by HAProxy's preStop hook: the pod terminates."""
DRAINED_FILE: Final = "drained"
"""Beside the socket, made by the sidecar: no client is left, the hook may return."""
TOKEN_FOLDER: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path, no token
"""Where the sidecar's token lies, and the API server's authority beside it."""

SECRETS_FOLDER: Final = "/etc/pba-tls/secrets"
"""Where the user's Secrets with certificates lie, each under its name: the sidecar's alone."""
CERTIFICATE_KEY: Final = "tls.crt"
PRIVATE_KEY_KEY: Final = "tls.key"
"""Their keys, which are Kubernetes' own for Secrets of the type `kubernetes.io/tls`."""
MAX_PAIR_BYTES: Final = 15_000
"""Of certificate, chain and key together: with the command around them they have to fit into one of HAProxy's buffers
(`tune.bufsize`, 16,384)."""
CLIENT_CA_FOLDER: Final = "/etc/pba-tls/client-ca"
"""Where the Secret with the authority of the clients' certificates lies."""
CA_KEY: Final = "ca.crt"
"""Its key, as cert-manager calls it."""
TICKETS_FOLDER: Final = "/etc/pba-tls/tickets"
"""Where the generated Secret lies from whose seed all frontends make the same keys for TLS session tickets."""
TICKET_SEED_KEY: Final = "seed"
"""Its key."""
TLS_FOLDER: Final = "/run/haproxy-tls"
"""What HAProxy reads at its start, in memory, written by the sidecar: only what HAProxy can serve."""
CERTIFICATE_LIST: Final = f"{TLS_FOLDER}/certificates.list"
"""HAProxy's list of certificates; they lie beside it, as `NAME.pem`."""
CLIENT_CA_FILE: Final = f"{TLS_FOLDER}/client-ca.crt"
TICKET_KEYS_FILE: Final = f"{TLS_FOLDER}/ticket-keys"

# haproxy.cfg: its sections, rings, maps, tables and flags. None of these words is ever changed.
HAPROXY_FRONTEND: Final = "public"
"""HAProxy's section for clients."""
HAPROXY_BACKEND: Final = "nodes"
"""HAProxy's section that holds the nodes."""
OTHERS: Final = "others"
"""HAProxy's section that holds the other frontends, which it asks whether they can serve."""
OTHERS_CHECK_MILLISECONDS: Final = 500
"""So often each of them is asked, and so long an answer is waited for: the kubelet takes two seconds to find a frontend
unready, and the others shall know sooner."""
THIS: Final = "this"
"""A server in it that stands for this frontend, is not asked, and counts as up: without any, HAProxy would raise an
alarm whenever there is no other frontend."""

ANSWERS: Final = "answers"
"""A ring in HAProxy's memory: a line (JSON) for each of the last requests."""
FAILURES: Final = "failures"
"""Another one, for those that did not end well."""

TABLE_ANSWERING: Final = "answering"
"""HAProxy's table of how many requests each node (a server's number) has begun to answer, and not ended."""

TRIALS_BACKEND: Final = "trials"
"""HAProxy's section through which a request on trial goes."""
TRY: Final = "try"
"""The server in it that stands for the node on trial: it says so in the line of a request whose trial went well."""
TRIALS: Final = "virt@trials"
"""A map that lives in HAProxy alone: under `TRIAL` the name of the node that gets the next GET or HEAD, whatever its
weight; HAProxy takes it out with that."""
TRIAL: Final = "node"
TRIAL_SECONDS: Final = 5
"""So long HAProxy waits for an answer to a trial before it asks another node."""

LEFT: Final = "virt@left"
"""A map that lives in HAProxy alone: the identities of the nodes that bound clients leave, and the nodes' names."""

FLOOR: Final = "virt@floor"
"""A map that lives in HAProxy alone: the nodes that shall serve, under `0`, `1` ... Where none passes its checks, any
of them is asked."""
FLOOR_SIZE: Final = "virt@floor-size"
"""Another one: how many they are, under `NODES`. (HAProxy 3.0 takes such a map for one rule only.)"""
NODES: Final = "nodes"

TABLE_CLIENTS: Final = "clients"
"""HAProxy's table of the clients' rates."""
TABLE_ELSEWHERE: Final = "elsewhere"
"""HAProxy's table of what clients ask other frontends for: the sidecar writes it."""
TABLE_RETRIES: Final = "retries"
"""HAProxy's table of one entry in which it counts retries."""
RETRIES_SPENT: Final = 0
"""In that table: how many there were."""
RETRIES_REFUSED: Final = 1
"""In that table: how many requests would not have been retried any more, had they failed."""

TABLE_FORESEEN: Final = "foreseen"
"""HAProxy's table of one entry in which the sidecar says how many retries are to come."""

FLAGS: Final = "virt@flags"
"""A list that lives in HAProxy alone (a virtual file, HAProxy 3.0): empty again when HAProxy restarts, and it
outlives the sidecar."""
READY: Final = "ready"
"""In that list: HAProxy holds the full set of nodes, and one could serve. The pod is ready."""
STOPPING: Final = "stopping"
"""In that list: the pod terminates. HAProxy closes each client's connection after the response that it is giving."""

# HTTP: what the sidecar answers.
HEALTHZ_PATH: Final = "/healthz"
STARTED_PATH: Final = "/started"
"""These two are the sidecar's probes."""
RATES_PATH: Final = "/rates"
"""The page by which the sidecars tell each other what clients ask for. It is never changed: while frontends are rolled,
old and new ones ask each other."""

_IDENTITY_BYTES: Final = 8


def identity(key: str, node: str) -> str:
    """Return the word under which clients know a node: the cookie's value, the same in every frontend and at any time.

    It says nothing of the node's name or address to whoever does not know the key. With 64 bits, two of 1,000 nodes
    share one by a chance of less than 1e-13.
    """
    digest = hmac.digest(key.encode(), node.encode(), hashlib.sha256)
    return digest[:_IDENTITY_BYTES].hex().upper()


def identity_by_haproxy(key: str) -> str:
    """Return the converters by which HAProxy makes a node's identity from its name (OpenSSL is needed)."""
    return f"hmac(sha256,{base64.b64encode(key.encode()).decode()}),bytes(0,{_IDENTITY_BYTES}),hex"
