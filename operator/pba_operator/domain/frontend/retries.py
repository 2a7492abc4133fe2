"""Which requests are sent to a second node, and how many: pure.

What must stay true:
- one that no node has got is always tried elsewhere: nothing was done with it;
- one that a node may have got is sent again only if its method is safe (GET, HEAD, OPTIONS: RFC 9110, 9.2.1), never a
  POST. PUT and DELETE are idempotent in that RFC; whether they are in an old application nobody knows;
- what every node fails (a URL that crashes the application, an outage) is not multiplied: when the retries of the last
  seconds exceed their share of the requests, new requests get one try. What fails on trial is asked of another node all
  the same, since the client would not have been sent there but for us; it counts as a retry;
- a retry is counted with the answer, and whether a request may have any is settled when it comes. Where nodes hang the
  first answer comes after all time limits, so what is overdue counts as a retry before it is one: the sidecar tells;
- where clients are bound to nodes, what a node answers is the answer, also if it is an error: at another node they have
  no session, and would be bound to that one from then on.

Decided in HAProxy itself, by a counter with one entry, so that it holds from one request to the next and, but for what
is overdue, without the sidecar. Source of the rule, a share of the requests and some in each second besides: Finagle's
`RetryBudget`.
"""

from __future__ import annotations

from typing import Final

from pba_api import sidecar
from pba_api.types import Retries, SessionAffinity
from pba_operator.domain.frontend.trials import AGAIN
from pba_operator.domain.frontend.words import ERRORS, UNANSWERED, Counter, one_entry_table

SPAN_SECONDS: Final = 10
FREE_EACH_SECOND: Final = 10
"""Retries that need no requests to be a share of: with little traffic the first failure would use up the share."""
_HELD_SECONDS: Final = 2
"""So long HAProxy holds what the sidecar foresees, which says so at each look: when that ends, it is soon forgotten."""


def sections(retries: Retries) -> list[str]:
    """Return the sections that hold the counters; what the sidecar foresees it tells also where nothing is counted."""
    foreseen = one_entry_table(sidecar.TABLE_FORESEEN, f"http_req_rate({_HELD_SECONDS}s)")
    if not retries.budget_percent:
        return foreseen
    rates = f"http_req_rate({SPAN_SECONDS}s),gpc(2),gpc_rate(2,{SPAN_SECONDS}s)"
    return [*one_entry_table(sidecar.TABLE_RETRIES, rates), "", *foreseen]


def backend_rules(retries: Retries, affinity: SessionAffinity) -> list[str]:
    """Return the rules of the nodes' backend."""
    if not retries.budget_percent:
        return [f"retry-on {UNANSWERED}", "http-request disable-l7-retry"]
    errors = f" {ERRORS}" if affinity.type == sidecar.NO_AFFINITY else ""
    count = f"{Counter.RETRIES:d}"
    allowed = f"mul({retries.budget_percent}),div(100),add({FREE_EACH_SECOND * SPAN_SECONDS})"
    spent, refused = sidecar.RETRIES_SPENT, sidecar.RETRIES_REFUSED
    return [
        f"retry-on {UNANSWERED}{errors}",
        f"http-request track-sc{count} int(0) table {sidecar.TABLE_RETRIES}",
        f"http-request set-var(txn.retries) sc_http_req_rate({count}),{allowed}",
        f"http-request set-var(txn.foreseen) int(0),table_http_req_rate({sidecar.TABLE_FORESEEN})",
        "acl is_safe method GET HEAD OPTIONS",
        f"acl is_spent sc_gpc_rate({spent},{count}),add(txn.foreseen),sub(txn.retries) ge 0",
        f"http-request sc-inc-gpc({refused},{count}) if is_safe is_spent",
        "http-request disable-l7-retry if !is_safe or is_spent",
        f"http-request sc-inc-gpc({spent},{count}) if {{ fe_name {AGAIN} }}",
        f"http-after-response sc-add-gpc({spent},{count}) txn.conn_retries if {{ txn.conn_retries gt 0 }}",
    ]
