"""What can go wrong between the sidecar and HAProxy.

    HAProxyError
    ├── HAProxyUnreachableError   the socket is not there, or nobody answers in time
    ├── CommandRefusedError       HAProxy answered, and the answer is no
    └── AnswerMalformedError      HAProxy answered in words that we do not know

Only what looks until it is told to end (`loop`, `weigher`, `others`, `exchange`, `tls.keeper`) decides what an error
leads to.
"""

from __future__ import annotations


class HAProxyError(Exception):
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
