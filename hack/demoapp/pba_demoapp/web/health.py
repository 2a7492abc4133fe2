"""For probes and for those who look from outside: alive, ready, which node, and do the books agree."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from pba_demoapp import ledger
from pba_demoapp.errors import DatabaseUnavailableError
from pba_demoapp.web.context import context, read

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> Response:
    """Answer as long as the process works, whatever the database does: a restart would not bring that back."""
    return jsonify(status="alive")


@blueprint.get("/healthz/ready")
def ready() -> tuple[Response, int]:
    """Answer 200 if this node can serve now."""
    obstacle = context().readiness.obstacle()
    if obstacle is None:
        return jsonify(status="ready"), 200
    return jsonify(status="not ready", reason=obstacle), 503


@blueprint.get("/whoami")
def whoami() -> Response:
    """Answer which node this is."""
    return jsonify(node=context().settings.node)


@blueprint.get("/ledger/check")
@blueprint.get("/api/ledger/check")
def ledger_check() -> Response:
    """Answer whether the books agree: sums and counts only, nothing of any customer."""
    if not context().readiness.prepared:
        raise DatabaseUnavailableError("the schema is being prepared")
    prefix = request.args.get("orders_with", "")

    def check(connection: Any) -> dict[str, Any]:
        return ledger.check(ledger.snapshot(connection), prefix)

    return jsonify(read(check))
