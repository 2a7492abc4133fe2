"""What the operator, its HAProxy configuration and the sidecar have agreed on.

The operator writes the pod and haproxy.cfg, the sidecar runs in the one and talks to the other: a word that one of
them spells differently is a node that never gets traffic, or a client that is cut off. So each word stands here once.
What must stay true: whatever the sidecar reads from its environment, the operator sets, without exception. The words
in haproxy.cfg are never changed: an HAProxy that is started anew in an old pod, beside the old sidecar, reads the new
file.
"""

from __future__ import annotations

from typing import Final

ENV_NAMESPACE: Final = "PBA_NAMESPACE"
ENV_BACKEND_SERVICE: Final = "PBA_BACKEND_SERVICE"
"""The backends' selector Service, whose EndpointSlices are followed."""
ENV_BACKEND_PORT_NAME: Final = "PBA_BACKEND_PORT_NAME"
ENV_DRAIN_SECONDS: Final = "PBA_DRAIN_SECONDS"
"""How long a node that goes may take for what it has begun."""
ENV_HAPROXY_SOCKET: Final = "PBA_HAPROXY_SOCKET"
ENV_TOKEN_FOLDER: Final = "PBA_TOKEN_FOLDER"  # noqa: S105 - a variable's name, no token
ENV_HTTP_PORT: Final = "PBA_HTTP_PORT"
ENV_FRONTEND_SERVICE: Final = "PBA_FRONTEND_SERVICE"
"""The clients' Service: in its EndpointSlices are the frontends."""
ENV_FRONTEND_PREFIX: Final = "PBA_FRONTEND_PREFIX"
"""How the names of the frontends' pods begin."""
ENV_REQUESTS_PER_NODE: Final = "PBA_REQUESTS_PER_NODE"
"""How many requests may run on one node at a time, over all frontends."""
ENV_CHECK_INTERVAL_MILLISECONDS: Final = "PBA_CHECK_INTERVAL_MILLISECONDS"
ENV_CHECK_FALL: Final = "PBA_CHECK_FALL"
ENV_CHECK_RISE: Final = "PBA_CHECK_RISE"
"""How HAProxy checks the nodes: the sidecar adds them, and HAProxy takes these from nowhere else."""
ENV_POD_IPS: Final = "PBA_POD_IPS"
"""The pod's addresses: both programs listen on IPv6, too, where it has one."""

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

HAPROXY_FRONTEND: Final = "public"
"""HAProxy's section for clients."""
HAPROXY_BACKEND: Final = "nodes"
"""HAProxy's section that holds the nodes."""

ANSWERS: Final = "answers"
"""A ring in HAProxy's memory: a line (JSON) for each of the last requests."""
FAILURES: Final = "failures"
"""Another one, for those that did not end well."""

TRIALS: Final = "virt@trials"
"""A map that lives in HAProxy alone: under `TRIAL` the name of the node that gets the next GET or HEAD, whatever its
weight; HAProxy takes it out with that."""
TRIAL: Final = "node"
TRIAL_SECONDS: Final = 5
"""So long HAProxy waits for an answer to a trial before it asks another node."""

CLIENTS: Final = "clients"
"""HAProxy's table of the clients' rates."""
RETRIES: Final = "retries"
"""HAProxy's table of one entry in which it counts retries."""
RETRIES_SPENT: Final = 0
"""In that table: how many there were."""
RETRIES_REFUSED: Final = 1
"""In that table: how many requests would not have been retried any more, had they failed."""

FLAGS: Final = "virt@flags"
"""A list that lives in HAProxy alone (a virtual file, HAProxy 3.0): empty again when HAProxy restarts, and it
outlives the sidecar."""
READY: Final = "ready"
"""In that list: HAProxy holds the full set of nodes, and one could serve. The pod is ready."""
STOPPING: Final = "stopping"
"""In that list: the pod terminates. HAProxy closes each client's connection after the response that it is giving."""
