"""What can go wrong, as a client sees it. Each error has a status, a code for programs and a sentence for people.

DemoappError
├── InvalidError            400  the request makes no sense
├── NotLoggedInError        401
├── WrongCredentialsError   401
├── NotTheResellerError     403
├── NotFoundError           404
├── EmailTakenError         409
├── TooLargeError           413
├── NotAPictureError        415
└── DatabaseError           503  try again later
    ├── DatabaseUnavailableError     nothing was written
    ├── DatabaseReadOnlyError        nothing was written
    └── OutcomeUnknownError          the connection broke during the commit
"""

from __future__ import annotations

from typing import ClassVar


class DemoappError(Exception):
    """Something that a client is told about."""

    status: ClassVar[int]
    code: ClassVar[str]


class InvalidError(DemoappError):
    """The request makes no sense."""

    status = 400
    code = "invalid"


class NotLoggedInError(DemoappError):
    """The request needs somebody who is logged in."""

    status = 401
    code = "not_logged_in"

    def __init__(self) -> None:
        super().__init__("Log in first.")


class WrongCredentialsError(DemoappError):
    """No account has this e-mail address and password."""

    status = 401
    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("This e-mail address and password do not match an account.")


class NotTheResellerError(DemoappError):
    """Only the reseller may do this."""

    status = 403
    code = "not_the_reseller"

    def __init__(self) -> None:
        super().__init__("Only the reseller may see or change this.")


class NotFoundError(DemoappError):
    """There is no such thing, or it is somebody else's."""

    status = 404
    code = "not_found"


class EmailTakenError(DemoappError):
    """Somebody has signed up with this e-mail address before."""

    status = 409
    code = "email_taken"

    def __init__(self) -> None:
        super().__init__("An account with this e-mail address exists already: log in instead.")


class TooLargeError(DemoappError):
    """The request's body is too large."""

    status = 413
    code = "too_large"


class NotAPictureError(DemoappError):
    """The uploaded file is not a picture of a kind that browsers show."""

    status = 415
    code = "not_a_picture"


class DatabaseError(DemoappError):
    """The database cannot do this now; later it may."""

    status = 503


class DatabaseUnavailableError(DatabaseError):
    """The database could not be reached, or was lost before anything was committed."""

    code = "database_unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database does not answer; nothing was written. Try again in a moment. ({reason})"
        )


class DatabaseReadOnlyError(DatabaseError):
    """This database server takes no writes now."""

    code = "database_read_only"

    def __init__(self) -> None:
        super().__init__(
            "The database takes no writes right now; nothing was written. Try again in a moment."
        )


class OutcomeUnknownError(DatabaseError):
    """The connection broke during the commit."""

    code = "outcome_unknown"

    def __init__(self) -> None:
        super().__init__(
            "The connection to the database broke at the very end: look whether it happened before you send it again."
        )
