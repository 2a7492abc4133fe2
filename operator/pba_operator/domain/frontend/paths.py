"""Limits of time and size for parts of the application, by the beginning of a request's path: pure.

What must stay true: who writes a path in another way does not get around its limits. So the path is compared as an
application understands it: percent-encoding decoded once, parameters of segments (`;...`) left out, and empty and `.`
segments, too. What no client sends in good faith is refused: a `..` segment (WHATWG's URL standard has every client
resolve it), a NUL, and percent signs that encode nothing. The request itself is passed on as it came.

HAProxy's own `normalize-uri` is experimental in 3.0, and changes the request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pba_api.types import PathLimits
from pba_operator.domain import quantity
from pba_operator.domain.frontend.words import quoted

_PATH: Final = r"""'path,url_dec,regsub(";[^/]*","",g),regsub("/([.]?/)+","/",g)'"""
_SEEN: Final = "var(txn.path)"
_NO_LENGTH: Final = (
    r'content-type text/plain string "The length of the body must be told (Content-Length).\n"'
)
_LIMITED: Final = "{ var(txn.body_bytes) -m found }"


def size(limits: PathLimits) -> int | None:
    """Return how many bytes a body may have; None: any number."""
    number = quantity.parse(limits.body_max_size)
    return None if number is None else int(number)


def frontend_rules(paths: Sequence[PathLimits]) -> list[str]:
    """Return the rules of the clients' frontend, which has read a buffer of the body before."""
    if not paths:
        return []
    rules = [
        f"http-request set-var(txn.path) {_PATH}",
        f"http-request deny deny_status 400 if {{ {_SEEN} -m sub /../ }} or {{ {_SEEN} -m end /.. }}",
        f"http-request deny deny_status 400 if {{ path -m sub %00 }} or {{ path -m found }} !{{ {_SEEN} -m found }}",
    ]
    # The longest that fits comes last, and counts.
    for number, limits in enumerate(sorted(paths, key=lambda limits: len(limits.prefix))):
        name = f"path_{number}"
        rules += [
            *_condition(name, limits.prefix),
            _kept("server_ms", limits.server_seconds and limits.server_seconds * 1000, name),
            _kept("body_bytes", size(limits), name),
        ]
    has_length = "{ req.fhdr_cnt(Content-Length) gt 0 }"
    too_big = f"{_LIMITED} {has_length} {{ req.body_size,sub(txn.body_bytes) gt 0 }}"
    return [
        *rules,
        f"http-request deny status 413 default-errorfiles if {too_big}",
        # What has no length told beforehand cannot be limited: HAProxy passes on what it has read.
        f"http-request return status 411 {_NO_LENGTH} if {_LIMITED} !{has_length} {{ req.body_len gt 0 }}",
    ]


def _condition(name: str, prefix: str) -> Iterable[str]:
    """Yield an ACL that is true of the prefix itself, and of what is below it."""
    if prefix == "/":
        yield f"acl {name} always_true"
        return
    yield f"acl {name} {_SEEN} -m str {quoted(prefix)}"
    yield f"acl {name} {_SEEN} -m beg {quoted(prefix + '/')}"


def _kept(variable: str, value: int | None, condition: str) -> str:
    action = f"unset-var(txn.{variable})" if value is None else f"set-var(txn.{variable}) int({value})"
    return f"http-request {action} if {condition}"


def backend_rules(paths: Sequence[PathLimits]) -> list[str]:
    """Return the rule of the nodes' backend."""
    if not any(limits.server_seconds for limits in paths):
        return []
    return ["http-request set-timeout server var(txn.server_ms) if { var(txn.server_ms) -m found }"]
