"""HAProxy's configuration for TLS: how certificates are shown, and what TLS changes for requests.

What must stay true:
- nobody but HAProxy says whether a request came over TLS, or with which certificate;
- where certificates of clients are asked for, no other client reaches a node, but for the path by which a
  certificate's authority asks for proof;
- HAProxy that is started anew in a pod that was made before there was TLS does not need what that pod lacks.

Sources: Mozilla's server side TLS guidelines 6.0, "intermediate"; HAProxy 3.0's configuration manual. The groups
of the key exchange are OpenSSL's own choice: a name that an older OpenSSL does not know would keep HAProxy from
starting.
"""

from __future__ import annotations

from typing import Final

from pba_api import ports, sidecar
from pba_api.types import FrontendTLS
from pba_operator.domain.frontend.words import CAME_BY_TLS

_CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
"""Of TLS 1.2; those of 1.3 are all sound."""
_CHALLENGE: Final = "^/[.]well-known/acme-challenge/[A-Za-z0-9_-]+$"
"""RFC 8555, 8.3: a token is of base64url. Nothing longer: it is the one path that is served without TLS."""

SUBJECT_HEADER: Final = "X-SSL-Client-Subject"
"""For the application: the subject of the client's certificate, as RFC 2253 writes it, in ASCII."""
_SPOOFED: Final = "^x[^a-z0-9]ssl[^a-z0-9]client"
"""However a client writes it: many frameworks take `_` and others for `-`."""


def global_lines(tls: FrontendTLS | None) -> list[str]:
    """Return what is said once, in the section `global`."""
    if tls is None:
        return []
    return [
        f"ssl-default-bind-ciphers {':'.join(_CIPHERS)}",
        "ssl-default-bind-options ssl-min-ver TLSv1.2 prefer-client-ciphers",
    ]


def is_alone(tls: FrontendTLS | None) -> bool:
    """Tell whether clients come by TLS alone."""
    return tls is not None and tls.redirect


def bind_lines(tls: FrontendTLS | None, further: str) -> list[str]:
    """Return the listeners for TLS, one for each family of addresses; `further` options are those of the others."""
    if tls is None:
        return []
    options = (
        f"ssl crt-list {sidecar.CERTIFICATE_LIST} alpn h2,http/1.1 tls-ticket-keys {sidecar.TICKET_KEYS_FILE}"
    )
    if tls.client_ca_secret_ref is not None:
        options += f" ca-file {sidecar.CLIENT_CA_FILE} verify required"
    return [
        f".if defined({sidecar.ENV_TLS})",
        f"bind :{ports.FRONTEND_HTTPS}{further} {options}",
        f""".if strstr("'${{{sidecar.ENV_POD_IPS}}}'",':')""",
        f"bind :::{ports.FRONTEND_HTTPS} v6only{further} {options}",
        ".endif",
        ".endif",
    ]


def request_lines(tls: FrontendTLS | None) -> list[str]:
    """Return what is done to each request; they stand behind what says by X-Forwarded-Proto how it came."""
    lines = [f"http-request del-header {_SPOOFED} -m reg"]
    if tls is None:
        return lines
    if tls.client_ca_secret_ref is not None:
        subject = "ssl_c_s_dn(,0,rfc2253)"
        lines.append(f"http-request set-header {SUBJECT_HEADER} %[{subject}] if {{ ssl_c_used }}")
    if tls.redirect:
        lines += _redirect_lines(tls)
    return lines


def response_lines(tls: FrontendTLS | None) -> list[str]:
    """Return what is done to each response; RFC 6797, 7.2: nothing is told without TLS.

    TLS may have ended at a trusted proxy. Responses that HAProxy makes before it knows are told by its own connection.
    """
    if tls is None or not tls.hsts_seconds:
        return []
    value = f"max-age={tls.hsts_seconds}"
    condition = f"{{ ssl_fc }} || {{ var({CAME_BY_TLS}) -m bool }}"
    return [f"http-after-response set-header Strict-Transport-Security {value} if {condition}"]


def _redirect_lines(tls: FrontendTLS) -> list[str]:
    """Return the redirect from port 80: a GET may become a GET of anybody's (301), all else stays as it is (308).

    A trusted proxy's word that its client came by TLS is enough, unless clients have to show certificates: we have not
    seen one then.
    """
    told = "req.hdr(X-Forwarded-Proto) -m str https" if tls.client_ca_secret_ref is None else "ssl_fc"
    where = "location https://%[req.fhdr(Host),host_only]%[pathq]"
    exempt = "over_tls or METH_GET plain_challenge"
    # A challenge is a GET (RFC 8555, 8.3).
    return [
        f"acl plain_challenge path -m reg {_CHALLENGE}",
        f"acl over_tls {told}",
        "acl can_be_redirected req.fhdr_cnt(Host) eq 1",
        f"http-request deny deny_status 400 unless {exempt} or can_be_redirected {{ path_beg / }}",
        f"http-request redirect {where} code 301 if METH_GET !over_tls !plain_challenge",
        f"http-request redirect {where} code 308 if !METH_GET !over_tls",
    ]
