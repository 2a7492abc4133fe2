"""What stands in the files that our servers read, read as strictly as we write it.

A line that is not exactly of the form that the operator writes is an error here, so a value that leaves its
place is found even where the server would pass over it.
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from typing import Final

_OPTION: Final = re.compile(r'([a-z0-9_.]+) = "((?:[^"\\\x00-\x1f\x7f]|\\["\\t])*)"')
_ESCAPED: Final = {'\\"': '"', "\\\\": "\\", "\\t": "\t"}
_LONGEST_LINE: Final = 4095
"""Bytes of a line that mysqld reads as one."""


def options(my_cnf: str) -> dict[str, str]:
    """Return the options of a my.cnf, the last of a name.

    Raises:
        ValueError: a line is none that the operator writes.
    """
    found = {}
    for line in my_cnf.removesuffix("\n").split("\n"):
        if line.startswith("# ") or line == "[mysqld]":
            continue
        parts = _OPTION.fullmatch(line)
        if parts is None or len(line.encode()) > _LONGEST_LINE:
            raise ValueError(f"no line of ours: {line!r}")
        found[parts[1]] = re.sub(r"\\.", lambda escape: _ESCAPED[escape[0]], parts[2])
    return found


@cache
def words(haproxy_cfg: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of each line of a haproxy.cfg, comments left out (quotes as HAProxy and shells have them)."""
    lines = (line.strip() for line in haproxy_cfg.split("\n"))
    return tuple(
        tuple(shlex.split(line, comments=True)) for line in lines if line and not line.startswith((".", "#"))
    )
