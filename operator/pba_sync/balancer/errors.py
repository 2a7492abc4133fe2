"""What can go wrong between the sidecar, HAProxy and the API server.

    SyncError
    ├── HAProxyError
    │   ├── HAProxyUnreachableError   the socket is not there, or nobody answers in time
    │   ├── CommandRefusedError       HAProxy answered, and the answer is no
    │   └── AnswerMalformedError      HAProxy answered in words that we do not know
    └── KubernetesError
        ├── ViewExpiredError          410: what we saw is too old to go on from; list again
        ├── AccessRefusedError        401, 403: the token, or the Role, is not (yet) good; or there is no token
        └── ApiUnavailableError       no answer, or 5xx

Only the loops (`view`, `loop`, `weigher`) decide what an error leads to; they go on for ever.
"""

from __future__ import annotations


class SyncError(Exception):
    """Base of everything that the loops expect."""


class HAProxyError(SyncError):
    """HAProxy did not do what it was asked."""


class HAProxyUnreachableError(HAProxyError):
    """Nobody answers at the socket: HAProxy is starting, ending, or stuck."""


class CommandRefusedError(HAProxyError):
    """HAProxy refused a command; carries both sides' words."""

    def __init__(self, command: str, answer: str) -> None:
        super().__init__(f"HAProxy refused `{command}`: {answer or '(no answer)'}")
        self.command = command
        self.answer = answer


class AnswerMalformedError(HAProxyError):
    """HAProxy's answer does not have the shape that its manual promises."""


class KubernetesError(SyncError):
    """The API server did not give what it was asked for."""


class ViewExpiredError(KubernetesError):
    """The resource version to go on from is gone (410)."""


class AccessRefusedError(KubernetesError):
    """There is no token to be read, the API server does not accept it (401), or it allows too little (403)."""


class ApiUnavailableError(KubernetesError):
    """The API server cannot be reached, or failed."""
