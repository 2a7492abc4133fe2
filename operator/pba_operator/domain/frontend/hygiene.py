"""What is refused before anything else is asked: requests that no application needs, and that harm some.

HAProxy itself refuses what could be read in two ways (`test_hostile.py` and `http2` in `tests/e2e/balancer/requests`
say which), but passes on: `CONNECT`, to which a node that answers 200 gives the client a connection past every rule;
`TRACE`, which shows what proxies have added; a `Host` that is none, or is missing (RFC 9112, 3.2: 400; in HTTP/2 it is
made of `:authority`), of which applications make links; and of HTTP/2 bytes in the target that no URL has (RFC 3986,
2).
"""

from __future__ import annotations

from typing import Final

from pba_operator.domain.frontend.words import quoted

_HOST: Final = r"^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"

FRONTEND_RULES: Final = (
    "# Requests that no application needs are refused; a client of HTTP/1.0 need not name a host.",
    "http-request deny deny_status 405 if METH_CONNECT",
    "http-request deny deny_status 405 if METH_TRACE",
    "acl names_host req.fhdr(Host) -m found",
    f"acl host_is_one req.fhdr(Host) -m reg {quoted(_HOST)}",
    "http-request deny deny_status 400 if names_host !host_is_one",
    "http-request deny deny_status 400 unless HTTP_1.0 or names_host",
    f"http-request deny deny_status 400 if {{ url -m reg {quoted('[^!-~]')} }}",
)
