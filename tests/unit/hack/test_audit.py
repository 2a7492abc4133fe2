"""The audit log is read from where it was, and only whole entries count."""

from __future__ import annotations

from pathlib import Path

import pytest

from pba_hack.audit import AuditLog


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
