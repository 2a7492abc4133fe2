from __future__ import annotations

import pytest

from pba_operator.kube import errors
from pba_operator.kube.errors import from_response


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", errors.Invalid),
        (401, "Unauthorized", errors.Unauthorized),
        (403, "Forbidden", errors.Forbidden),
        (404, "NotFound", errors.NotFound),
        (405, "MethodNotAllowed", errors.Refused),
        (409, "Conflict", errors.Conflict),
        (409, "AlreadyExists", errors.AlreadyExists),
        (410, "Expired", errors.Gone),
        (422, "Invalid", errors.Invalid),
        (429, "TooManyRequests", errors.Throttled),
        (500, "InternalError", errors.ServerError),
        (503, "", errors.ServerError),
    ],
)
def test_each_answer_is_an_error_of_its_kind(code: int, reason: str, expected: type[errors.ApiError]) -> None:
    found = from_response(code, {}, {"reason": reason, "message": "why"})
    assert type(found) is expected
    assert found.message == "why"
    assert found.code == code


@pytest.mark.parametrize(
    ("field", "expected"), [("metadata.uid", errors.Conflict), ("spec.clusterIP", errors.Invalid)]
)
def test_only_the_uid_of_another_object_is_a_conflict(field: str, expected: type[errors.ApiError]) -> None:
    causes = [{"field": field, "message": "Invalid value: field is immutable"}]
    found = from_response(422, {}, {"reason": "Invalid", "message": "why", "details": {"causes": causes}})
    assert type(found) is expected


@pytest.mark.parametrize(
    ("cause", "expected"),
    [("NamespaceTerminating", errors.NamespaceTerminating), ("QuotaExceeded", errors.Forbidden)],
)
def test_a_namespace_on_its_way_out_is_told_from_what_is_forbidden(
    cause: str, expected: type[errors.ApiError]
) -> None:
    status = {"reason": "Forbidden", "message": "why", "details": {"causes": [{"reason": cause}]}}
    assert type(from_response(403, {}, status)) is expected


def test_what_can_be_tried_again_is_told_from_what_cannot() -> None:
    assert issubclass(errors.AlreadyExists, errors.Refused)
    for transient in (errors.Throttled, errors.ServerError, errors.TimedOut, errors.Unauthorized):
        assert issubclass(transient, errors.Transient)
    assert not issubclass(errors.Fenced, errors.Refused | errors.Transient)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 1.0), (None, 1.0), ("soon", 1.0), ("-3", 1.0)]
)
def test_a_busy_server_says_for_how_long(header: str | None, seconds: float) -> None:
    found = from_response(429, {} if header is None else {"Retry-After": header}, {})
    assert isinstance(found, errors.Throttled)
    assert found.retry_after == seconds


def test_a_failing_server_may_say_so_too() -> None:
    found = from_response(503, {"Retry-After": "5"}, {})
    assert isinstance(found, errors.Throttled)
    assert found.retry_after == 5
    assert found.code == 503


def test_without_words_the_error_has_ours() -> None:
    found = from_response(502, {}, {})
    assert found.message == "the API server answered 502"
    assert found.reason == "ServerError"
