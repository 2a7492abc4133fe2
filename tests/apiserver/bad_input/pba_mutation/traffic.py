"""Where the fields that say what becomes of a request must be seen: in haproxy.cfg, or told to the sidecar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pba_mutation import files
from pba_mutation.planning import NAME, Children
from pba_operator.domain.model import ChildId

Json = Mapping[str, Any]
Look = Callable[[Any, Json, Children], Iterator[str]]


def _configuration(children: Children) -> str:
    text: str = children[ChildId("ConfigMap", f"{NAME}-frontend")]["data"]["haproxy.cfg"]
    return text


def _line(text: str) -> Look:
    """The balancer is told a number, in a line of its own."""

    def look(value: Any, _spec: Json, children: Children) -> Iterator[str]:
        lines = files.words(_configuration(children))
        if tuple(text.format(value).split(" ")) not in lines:
            yield f"haproxy.cfg lacks {text.format(value)}"

    return look


def _told(variable: str) -> Look:
    """The sidecar is told a number."""

    def look(value: Any, _spec: Json, children: Children) -> Iterator[str]:
        pod = children[ChildId("Deployment", f"{NAME}-frontend")]["spec"]["template"]["spec"]
        if {"name": variable, "value": str(value)} not in pod["initContainers"][0]["env"]:
            yield f"the sidecar is not told {variable}"

    return look


def _budget_percent(value: Any, spec: Json, children: Children) -> Iterator[str]:
    one = "http-request set-var(txn.retries) sc_http_req_rate(2),mul({}),div(100),add(100)"
    none = "http-request disable-l7-retry"
    yield from _line(one if value else none)(value, spec, children)


def _paths(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    """Each prefix has a rule; what its limits do is shown with a real HAProxy."""
    lines = files.words(_configuration(children))
    for limits in value:
        seen = [line for line in lines if line[0] == "acl" and line[-1] == limits["prefix"]]
        if not seen and limits["prefix"] != "/":
            yield f"haproxy.cfg lacks {limits['prefix']}"
        if "serverSeconds" in limits and not any(
            f"int({limits['serverSeconds'] * 1000})" in line for line in lines
        ):
            yield f"haproxy.cfg lacks {limits['serverSeconds']} s"


def _client_requests(value: Any, _spec: Json, children: Children) -> Iterator[str]:
    config = _configuration(children)
    if value:
        wanted = ("{", "sc_conn_cur(0)", "gt", str(value), "}")
        if not any(line[-len(wanted) :] == wanted for line in files.words(config)):
            yield f"clients are not limited to {value} at a time"
    elif "sc_conn_cur(0)" in config:
        yield "clients are limited"


def _client_rate(value: Any, spec: Json, children: Children) -> Iterator[str]:
    config = _configuration(children)
    if value:
        if not any(line[-1:] == (f"sc_http_req_rate(0),mul({value})",) for line in files.words(config)):
            yield f"clients are not limited to {value}"
        yield from _told("PBA_REQUESTS_PER_CLIENT")(value, spec, children)
    elif "sc_http_req_rate(0)" in config:
        yield "clients are limited"


PLACES: Final[Mapping[str, Look]] = {
    "frontend.checks.intervalMilliseconds": _told("PBA_CHECK_INTERVAL_MILLISECONDS"),
    "frontend.checks.timeoutMilliseconds": _line("timeout check {}ms"),
    "frontend.checks.fall": _told("PBA_CHECK_FALL"),
    "frontend.checks.rise": _told("PBA_CHECK_RISE"),
    "frontend.limits.requestsPerNode": _told("PBA_REQUESTS_PER_NODE"),
    "frontend.limits.requestsPerClient": _client_requests,
    "frontend.limits.requestsPerClientPerSecond": _client_rate,
    "frontend.paths": _paths,
    "frontend.retries.attempts": _line("retries {}"),
    "frontend.retries.budgetPercent": _budget_percent,
    "frontend.timeouts.connectMilliseconds": _line("timeout connect {}ms"),
    "frontend.timeouts.clientSeconds": _line("timeout client {}s"),
    "frontend.timeouts.serverSeconds": _line("timeout server {}s"),
    "frontend.timeouts.queueSeconds": _line("timeout queue {}s"),
    "frontend.timeouts.leaveSeconds": _told("PBA_LEAVE_SECONDS"),
}
"""By the path of the field."""
