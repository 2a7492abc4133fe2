from __future__ import annotations

import json
import logging
import sys

from pba_sync.logs import JsonFormatter


def line(message: str, *, failed: bool = False) -> dict[str, str]:
    try:
        raise KeyError('a "quoted" thing')  # noqa: TRY301 - to have one at hand
    except KeyError:
        info = sys.exc_info() if failed else None
    record = logging.LogRecord("pba_sync", logging.WARNING, "x.py", 1, message, (), info)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    entry: dict[str, str] = json.loads(text)
    return entry


def test_every_message_is_one_line_of_json() -> None:
    entry = line('HAProxy said "no"\nand more')
    assert (entry["level"], entry["message"]) == ("warning", 'HAProxy said "no"\nand more')
    assert "exception" not in entry


def test_a_traceback_stays_with_its_message() -> None:
    assert "KeyError: 'a \"quoted\" thing'" in line("failed", failed=True)["exception"]
