"""What can go wrong with a request to the API server.

    ApiError
    ├── Refused                 it will be refused again until somebody changes something
    │   ├── Invalid             400, 422: the object is not acceptable
    │   ├── Forbidden           403: permission, quota, admission
    │   │   └── NamespaceTerminating    403: nothing can be made in it any more
    │   ├── NotFound            404
    │   ├── Conflict            409, 422 about the UID: a precondition (UID, resourceVersion) does not hold
    │   │   └── AlreadyExists   409 on creation
    │   └── Gone                410: the continuation of a list has expired
    ├── Fenced                  this process may not write any more: nothing was sent
    └── Transient               worth trying again
        ├── Unauthorized        401: the token has just been replaced
        ├── Throttled           429, after `retry_after` seconds
        ├── ServerError         5xx
        └── Unreachable         no answer
            └── TimedOut        no answer in time: the request may have been carried out

Only the engine decides what follows from one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final


class ApiError(Exception):
    """A request that did not succeed; `reason` and `message` are the API server's words, or ours for them."""

    def __init__(self, message: str, *, reason: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).__name__
        self.code = code


class Refused(ApiError):
    """The API server has understood, and says no."""


class Invalid(Refused):
    """The object is not acceptable."""


class Forbidden(Refused):
    """Permission, quota or admission is against it."""


class NamespaceTerminating(Forbidden):
    """The namespace is on its way out; nothing can be made in it any more."""


class NotFound(Refused):
    """There is no such object, or no such kind."""


class Conflict(Refused):
    """The object is not the one that was meant, or not in the state that was meant."""


class AlreadyExists(Conflict):
    """There is an object of this name."""


class Gone(Refused):
    """What is asked for is no longer kept."""


class Fenced(ApiError):
    """This process does not hold the Lease (any more); nothing was sent."""


class Transient(ApiError):
    """Worth trying again."""


class Unauthorized(Transient):
    """The credentials were not accepted."""


class Throttled(Transient):
    """The API server is busy; ask again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float, code: int = 429) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class ServerError(Transient):
    """The API server, or something behind it, failed."""


class Unreachable(Transient):
    """No answer came."""


class TimedOut(Unreachable):
    """No answer came in time; the request may have been carried out."""


_BY_CODE: Final[Mapping[int, type[ApiError]]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
}
DEFAULT_RETRY_AFTER: Final = 1.0


def from_response(code: int, headers: Mapping[str, str], status: Mapping[str, Any]) -> ApiError:
    """Return the error that a response stands for.

    Args:
        code: the HTTP status code, 400 or more.
        headers: the response's headers; `Retry-After` in seconds is obeyed wherever it stands.
        status: the `Status` object of the body, empty if there was none.
    """
    message = str(status.get("message") or f"the API server answered {code}")
    reason = str(status.get("reason") or "")
    retry_after = _seconds(headers.get("Retry-After"))
    if code == 429 or (code >= 500 and retry_after is not None):  # noqa: PLR2004 - HTTP's own numbers
        return Throttled(message, retry_after=retry_after or DEFAULT_RETRY_AFTER, code=code)
    if reason == "AlreadyExists":
        return AlreadyExists(message, reason=reason, code=code)
    # An apply was for another object of this name: the UID is a field that cannot be changed.
    if code == 422 and _has_cause(status, "field", "metadata.uid"):  # noqa: PLR2004
        return Conflict(message, reason="Conflict", code=code)
    if code == 403 and _has_cause(status, "reason", "NamespaceTerminating"):  # noqa: PLR2004
        return NamespaceTerminating(message, code=code)
    default = ServerError if code >= 500 else Refused  # noqa: PLR2004
    return _BY_CODE.get(code, default)(message, reason=reason, code=code)


def _has_cause(status: Mapping[str, Any], key: str, value: str) -> bool:
    causes = (status.get("details") or {}).get("causes") or ()
    return any(cause.get(key) == value for cause in causes)


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header is not None else None
    except ValueError:
        return None
