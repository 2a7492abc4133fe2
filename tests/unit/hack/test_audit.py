"""The audit log is read from where it was, and only whole entries count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pba_hack.audit import AuditLog, is_done, writes_of


def test_only_what_is_added_is_read_and_only_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text('{"verb": "get"}\n')
    log = AuditLog(path)
    assert log.entries() == []
    with path.open("a") as server:
        server.write('{"verb": "patch"}\n{"verb": "del')
        server.flush()
        assert log.entries() == [{"verb": "patch"}]
        server.write('ete"}\n')
    assert log.entries() == [{"verb": "patch"}, {"verb": "delete"}]


def test_a_log_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AuditLog(tmp_path / "audit.log")


def asked(user: str, verb: str, resource: str | None, code: int = 200) -> dict[str, Any]:
    reference = {"objectRef": {"resource": resource}} if resource else {}
    return {"user": {"username": user}, "verb": verb, "responseStatus": {"code": code}, **reference}


def test_a_users_writes_are_those_that_it_tried_its_leases_apart() -> None:
    tried = [
        asked("operator", "patch", "deployments"),
        asked("operator", "delete", "services", 400),
        asked("operator", "create", None),
    ]
    others = [
        asked("operator", "update", "leases"),
        *(asked("operator", verb, "deployments") for verb in ("get", "list", "watch")),
        asked("somebody", "patch", "deployments"),
    ]
    found = writes_of("operator", [*tried, *others])
    assert found == tried
    assert [is_done(entry) for entry in found] == [True, False, True]
