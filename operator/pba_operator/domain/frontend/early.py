"""Answers that come before the whole request does: pure.

What must stay true: the next request on a connection is answered. HAProxy reads and drops what is still to come of a
body that nobody wants. It does so in portions of 15 KiB, and what is left of the last one, up to 1 KiB
(`tune.maxrewrite`), lies until more comes (3.0.11, `h1_process` in mux_h1.c; the same in the sources of August 2026).
If that is the body's end and the next request behind it, nothing more comes: the client waits until HAProxy's time
limit closes the connection. So after such an answer the client is told to send its next request on a new connection
(HAProxy itself closes this one when it has read the body, or at that time limit: `clientSeconds`).
A proxy in front shares its connections among its clients: one client's refused upload would be another's wait.

Whether all of a body had come is not known when the answer is made. So it is said of every answer but a good one to
a request whose body may be longer than a portion. With HTTP/2 the header is left out, and a request is ended alone.
"""

from __future__ import annotations

from typing import Final

_SHORT_BYTES: Final = 8192
"""A body up to here is dropped in one portion, however it comes."""
_LONG: Final = "txn.long"


def frontend_rules() -> list[str]:
    """Return the rules of the clients' section; they stand before all that refuse."""
    may_be_long = f"{{ req.body_size gt {_SHORT_BYTES} }} || {{ req.fhdr(Transfer-Encoding) -m found }}"
    return [
        "# A body that was not read to its end may hold up the next request on its connection, so the connection ends.",
        f"http-request set-var({_LONG}) bool(true) if {may_be_long}",
        f"http-after-response set-header Connection close if {{ var({_LONG}) -m found }} !{{ status 200:299 }}",
    ]
