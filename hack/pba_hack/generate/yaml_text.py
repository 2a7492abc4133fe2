"""JSON data as YAML that a person likes to read, the same bytes on every machine.

Written here because the CRD must be made, and checked, before any library is installed. Only what JSON knows: maps
keep their order, long texts are folded, whatever YAML could misread is quoted.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_/.$][A-Za-z0-9_/.$()=-]*( [A-Za-z0-9_/.$()=,;'-]+)*")
_PLAIN_KEY = re.compile(r"[A-Za-z$_][A-Za-z0-9_./-]*")
_WORDS_WITH_A_MEANING = frozenset(
    ("true", "false", "null", "yes", "no", "on", "off", "y", "n", ".nan", ".inf")
)


def dump(document: Any) -> str:
    """Return `document` (maps, lists, strings, numbers, booleans, None) as YAML in block style."""
    return "\n".join(_lines(document, 0)) + "\n"


def _lines(value: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(f"{indent}{_key(key)}:", item, depth)
    else:
        for item in value:
            yield from _item(indent, item, depth)


def _entry(start: str, item: Any, depth: int) -> Iterator[str]:
    if not _is_block(item):
        yield from _scalar_lines(start, item, depth)
        return
    yield start
    yield from _lines(item, depth if isinstance(item, list) else depth + 1)


def _item(indent: str, item: Any, depth: int) -> Iterator[str]:
    if not _is_block(item):
        yield from _scalar_lines(f"{indent}-", item, depth)
        return
    first, *others = _lines(item, depth + 1)
    yield f"{indent}- {first.lstrip()}"
    yield from others


def _is_block(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _scalar_lines(start: str, value: Any, depth: int) -> Iterator[str]:
    line = f"{start} {_scalar(value)}"
    if isinstance(value, str) and len(line) > _WIDTH and _may_fold(value):
        yield f"{start} >-"
        yield from textwrap.wrap(
            value,
            _WIDTH,
            initial_indent="  " * (depth + 1),
            subsequent_indent="  " * (depth + 1),
            break_long_words=False,
            break_on_hyphens=False,
        )
    else:
        yield line


def _may_fold(text: str) -> bool:
    return text == " ".join(text.split()) and text.isprintable()


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS_WITH_A_MEANING
    if is_plain:
        return value
    if value.isprintable() and ('"' in value or "\\" in value):
        return "'" + value.replace("'", "''") + "'"
    return _quoted(value)


def _key(key: str) -> str:
    is_plain = _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS_WITH_A_MEANING
    return key if is_plain else _quoted(key)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)
