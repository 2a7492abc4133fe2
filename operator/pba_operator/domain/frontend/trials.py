"""One request on trial at a node that gets no others, and the same request again if it comes to nothing: pure.

What must stay true:
- a client does not pay for our curiosity: what a node on trial fails, or does not answer in time, is asked of the
  others as any other request is, with all the time and all the retries that one has;
- only what is safe to ask twice is on trial, and never a client that is bound to a node;
- the trial is one request: the map entry is taken out with it.

HAProxy has one time limit and one `retry-on` for all tries of a request. So a trial goes through HAProxy twice: the
section of trials has two servers, both this HAProxy itself, by two sockets. The second is for what the first fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pba_api import sidecar
from pba_api.types import Frontend
from pba_operator.domain.frontend import affinity
from pba_operator.domain.frontend.words import ERRORS, UNANSWERED

AGAIN: Final = "again"
"""The way of what has failed on trial, through HAProxy once more."""
_HEADER: Final = "X-PBA-Trial"
"""How the second pass through HAProxy learns of which node the trial is; it reaches no node."""
_TRIAL: Final = "{ var(txn.trial) -m found }"


def frontend_rules(frontend: Frontend) -> Sequence[str]:
    """Return the rules of the clients' section by which a request is taken for a trial.

    What has a time limit of its own, or opens a WebSocket, is none; nor is anything in maintenance.
    """
    if frontend.maintenance:
        return ()
    nodes, trials, key = sidecar.HAPROXY_BACKEND, sidecar.TRIALS, sidecar.TRIAL
    fit = "METH_GET !{ var(txn.server_ms) -m found } !{ req.hdr(Upgrade) -m found }"
    bound = affinity.trial_condition(frontend.session_affinity)
    queued = f"{{ str({nodes}/),concat(,txn.trial),srv_queue gt 0 }}"
    return (
        "# A node that gets no requests is asked one on trial, once the sidecar says so.",
        f"http-request set-var(txn.trial) str({key}),map({trials}) if {fit} {{ nbsrv({nodes}) gt 0 }}{bound}",
        f"http-request unset-var(txn.trial) if {queued}",
        f"http-request del-map({trials}) {key} if {_TRIAL}",
        f"use_backend {sidecar.TRIALS_BACKEND} if {_TRIAL}",
    )


def backend_rules() -> Sequence[str]:
    """Return the rules of the nodes' section for a request that is on trial."""
    elsewhere = "!{ srv_name,strcmp(txn.trial) eq 0 }"
    return (
        f"http-request set-timeout server {sidecar.TRIAL_SECONDS}s if {_TRIAL}",
        f"http-request disable-l7-retry if {_TRIAL}",
        f"use-server %[var(txn.trial)] if {_TRIAL}",
        f"http-response return status 503 if {_TRIAL} {elsewhere}",
    )


def sections(frontend: Frontend) -> Sequence[str]:
    """Return the sections through which a trial goes, and goes again."""
    tries = frontend.retries.attempts + 1
    seconds = frontend.timeouts.queue_seconds + tries * frontend.timeouts.server_seconds
    return (
        f"backend {sidecar.TRIALS_BACKEND}",
        "    retries 1",
        f"    retry-on {UNANSWERED} {ERRORS}",
        f"    timeout server {seconds}s",
        f"    http-request set-header {_HEADER} %[var(txn.trial)]",
        f"    use-server {sidecar.TRY} if TRUE",
        f"    server {sidecar.TRY} unix@{_socket(sidecar.TRY)} send-proxy-v2 weight 0",
        f"    server {AGAIN} unix@{_socket(AGAIN)} send-proxy-v2",
        "",
        *_pass(sidecar.TRY, f"http-request set-var(txn.trial) req.hdr({_HEADER})"),
        "",
        *_pass(AGAIN),
    )


def _socket(name: str) -> str:
    return f"{sidecar.RUN_FOLDER}/{name}.sock"


def _pass(name: str, *rules: str) -> Sequence[str]:
    return (
        f"frontend {name}",
        f"    bind unix@{_socket(name)} mode 600 accept-proxy",
        "    no log",
        *(f"    {rule}" for rule in rules),
        f"    http-request del-header {_HEADER}",
        f"    default_backend {sidecar.HAPROXY_BACKEND}",
    )
