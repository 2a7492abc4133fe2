from __future__ import annotations

import json
import logging

import pytest

from pba_operator.shell.logs import JsonFormatter, configure


def test_a_line_is_one_json_object_with_the_fields_beside_the_message() -> None:
    record = logging.LogRecord("pba_operator.x", logging.WARNING, "f", 1, "it is %s\nso", ("so",), None)
    record.__dict__.update({"cluster": "default/shop", "odd": object})
    line = JsonFormatter().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert told["message"] == "it is so\nso"
    assert (told["level"], told["logger"], told["cluster"]) == ("warning", "pba_operator.x", "default/shop")
    assert told["time"].endswith("Z")
    assert "exception" not in told


def test_what_others_attach_to_a_record_is_not_written() -> None:
    record = logging.LogRecord("kopf.objects", logging.WARNING, "f", 1, "m", (), None)
    record.__dict__["settings"] = "all of them"
    assert set(json.loads(JsonFormatter().format(record))) == {"time", "level", "logger", "message"}


def test_an_exception_is_a_field() -> None:
    info = (ValueError, ValueError("why"), None)
    told = json.loads(JsonFormatter().format(logging.LogRecord("pba", logging.ERROR, "f", 1, "m", (), info)))
    assert "ValueError: why" in told["exception"]


def test_kopf_is_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level, kopf_level = root.handlers[:], root.level, logging.getLogger("kopf").level
    try:
        configure("info")
        logging.getLogger("kopf.reactor").info("a story")
        logging.getLogger("kopf.reactor").warning("a warning")
        logging.getLogger("pba_operator").info("ours")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("kopf").setLevel(kopf_level)
    assert [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()] == [
        "a warning",
        "ours",
    ]
