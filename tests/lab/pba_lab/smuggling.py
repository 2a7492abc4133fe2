"""What must hold, whatever clients send: nothing is smuggled past HAProxy, and no line breaks its log."""

from __future__ import annotations

import json
import re
from typing import Final

from pba_lab.haproxy import HAProxyProcess
from pba_lab.witness import Witness

_OWN_WORDS: Final = re.compile(
    r"\s*$|\[(NOTICE|WARNING|ALERT)\]|(Server|Proxy|backend) |[0-9a-f.:]+ \[[^]]+\] public/[0-9]+: [ -~]+$"
)
"""How HAProxy's own lines begin, between those on requests; the last: on a connection that broke before any request."""


def assert_nothing_was_smuggled(witness: Witness) -> None:
    """Each request at the node is one that HAProxy has read: by its rules, alone on its connection, and unambiguous."""
    assert witness.ambiguous == []
    for seen in witness.requests:
        assert seen.rest == b"", seen
        assert seen.all("x-forwarded-for") == ["127.0.0.1"], seen
        assert len(seen.all("x-request-id")) == 1, seen
        assert seen.all("x-forwarded-host") == seen.all("host"), seen


def assert_the_log_is_one_object_a_line(haproxy: HAProxyProcess) -> None:
    """Each line on a request is an object with what we log of it; all others are HAProxy's own."""
    for line in haproxy.log.read_bytes().split(b"\n"):
        text = line.decode("utf-8")
        if text.startswith("{"):
            entry = json.loads(text)
            assert {"status", "node", "path", "client", "request_id"} <= set(entry), text
        else:
            assert _OWN_WORDS.match(text), text
