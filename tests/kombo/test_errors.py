"""Error answers: codes, statuses, messages."""

import json

import pytest

from syncer.domain.errors import (
    ConcurrencyLimited,
    CursorRefused,
    IntegrationGone,
    KeyRefused,
    KomboError,
    ModelUnavailable,
    NotReady,
    ParametersRefused,
    RateLimited,
    RequestRefused,
    Transient,
)
from syncer.domain.limits import MOST_ERROR_BYTES
from syncer.kombo.errors import RequestInfo, error_from_response

LIST = RequestInfo("hris_employees of personio:1", "personio:1")
WALK = RequestInfo("hris_employees of personio:1", "personio:1", has_cursor=True)
INTEGRATION = RequestInfo("integration personio:1", "personio:1", is_integration=True)


def answer(code: object, message: object = "It did not work.") -> bytes:
    error = {"code": code, "title": None, "message": message, "log_url": "https://app.kombo.dev/logs/secret"}
    return json.dumps({"status": "error", "error": error}).encode()


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("PLATFORM.RATE_LIMIT_EXCEEDED", 429, RateLimited),
        ("PLATFORM.CONCURRENCY_LIMIT_EXCEEDED", 429, ConcurrencyLimited),
        ("PLATFORM.TASK_TIMED_OUT", 400, Transient),
        ("PLATFORM.UNKNOWN_ERROR", 500, Transient),
        ("PLATFORM.INPUT_INVALID", 400, RequestRefused),
        ("PLATFORM.AUTHENTICATION_INVALID", 401, KeyRefused),
        ("PLATFORM.IP_NOT_WHITELISTED", 403, KeyRefused),
        ("PLATFORM.INTEGRATION_NOT_FOUND", 404, IntegrationGone),
        ("PLATFORM.INTEGRATION_NOT_FOUND", 400, IntegrationGone),
        ("INTEGRATION.SETUP_SYNC_PENDING", 409, NotReady),
        ("INTEGRATION.SETUP_SYNC_PENDING", 503, NotReady),
        ("INTEGRATION.SETUP_INCOMPLETE", 409, NotReady),
        ("INTEGRATION.SETUP_INCOMPLETE", 503, NotReady),
        ("INTEGRATION.QA_FAILED", 409, NotReady),
        ("INTEGRATION.QA_FAILED", 503, NotReady),
        ("INTEGRATION.AUTHENTICATION_INVALID", 401, NotReady),
        ("INTEGRATION.INACTIVE", 403, NotReady),
        ("INTEGRATION.PERMISSION_MISSING", 403, ModelUnavailable),
        ("INTEGRATION.MODEL_NOT_AVAILABLE", 404, ModelUnavailable),
        ("INTEGRATION.MODEL_DISABLED", 403, ModelUnavailable),
        ("INTEGRATION.ACTION_NOT_AVAILABLE", 404, RequestRefused),
        ("INTEGRATION.ACTION_DISABLED", 403, RequestRefused),
        ("REMOTE.SERVICE_UNAVAILABLE", 503, Transient),
        ("REMOTE.RATE_LIMIT_EXCEEDED", 429, Transient),
        ("REMOTE.UNKNOWN_HTTP_ERROR", 400, Transient),
        ("REMOTE.SOMETHING_NEW", 404, Transient),
        ("REMOTE.INPUT_INVALID", 400, RequestRefused),
        ("HRIS.EMPLOYEE_ALREADY_EXISTS", 400, RequestRefused),
        ("PLATFORM.SOMETHING_NEW", 400, RequestRefused),
        ("PLATFORM.SOMETHING_NEW", 503, Transient),
        ("PLATFORM.SOMETHING_NEW", 429, RateLimited),
        ("INTEGRATION.SOMETHING_NEW", 409, NotReady),
        (None, 401, KeyRefused),
        (None, 403, RequestRefused),
        (None, 404, RequestRefused),
        (None, 408, Transient),
        (None, 414, RequestRefused),
        (None, 429, RateLimited),
        (None, 500, Transient),
        (None, 599, Transient),
        ("", 429, RateLimited),
        (42, 401, KeyRefused),
    ],
)
def test_the_code_decides_and_the_status_only_where_the_code_does_not(
    code: object, status: int, kind: type[KomboError]
) -> None:
    error = error_from_response(status, {}, answer(code), LIST)
    assert type(error) is kind
    assert error.status == status
    assert error.integration_id == "personio:1"
    assert error.code == (code if isinstance(code, str) and code else None)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("PLATFORM.INPUT_INVALID", 400, CursorRefused),
        ("PLATFORM.INPUT_INVALID", 422, CursorRefused),
        (None, 400, CursorRefused),
        (None, 404, RequestRefused),
        ("INTEGRATION.MODEL_DISABLED", 400, ModelUnavailable),
        ("PLATFORM.AUTHENTICATION_INVALID", 400, KeyRefused),
    ],
)
def test_a_bad_request_with_a_cursor_is_the_cursors_fault(
    code: str | None, status: int, kind: type[KomboError]
) -> None:
    assert type(error_from_response(status, {}, answer(code), WALK)) is kind


@pytest.mark.parametrize(
    ("message", "unsure", "refused"),
    [
        ("Unrecognized key(s) in object: 'updated_after'", {"updated_after", "ids"}, {"updated_after"}),
        ("updated_after, ids: unknown", {"updated_after", "ids", "page_size"}, {"updated_after", "ids"}),
        ("updated_after is no timestamp", {"ids"}, set()),
        ("remote_ids are unknown", {"ids"}, set()),
        ("Something is wrong.", {"updated_after"}, set()),
    ],
)
@pytest.mark.parametrize("has_cursor", [False, True])
def test_a_bad_request_names_the_parameters_that_nobody_was_sure_of(
    message: str, unsure: set[str], refused: set[str], has_cursor: bool
) -> None:
    request = RequestInfo("hris_skills of a:1", "a:1", has_cursor=has_cursor, unsure=frozenset(unsure))
    error = error_from_response(400, {}, answer("PLATFORM.INPUT_INVALID", message), request)
    if refused:
        assert isinstance(error, ParametersRefused)
        assert error.parameters == refused
    else:
        assert type(error) is (CursorRefused if has_cursor else RequestRefused)
    # Trouble of another kind names parameters as it likes.
    assert type(error_from_response(503, {}, answer(None, message), request)) is Transient


def test_only_kombos_own_400_costs_a_walk_its_place() -> None:
    elsewhere = error_from_response(
        400, {}, b"<html>The plain HTTP request was sent to HTTPS port</html>", WALK
    )
    assert type(elsewhere) is RequestRefused
    assert "base_url" in str(elsewhere)


def test_only_kombos_own_404_says_that_an_integration_is_gone() -> None:
    assert type(error_from_response(404, {}, answer(None), INTEGRATION)) is IntegrationGone
    elsewhere = error_from_response(404, {}, b"<html>404 Not Found</html>", INTEGRATION)
    assert type(elsewhere) is RequestRefused
    assert "base_url" in str(elsewhere)


def test_a_redirect_is_refused_and_the_message_names_base_url() -> None:
    error = error_from_response(302, {"location": "https://elsewhere.example/?token=1"}, b"", LIST)
    assert type(error) is RequestRefused
    assert "base_url" in str(error)
    assert "elsewhere" not in str(error)


@pytest.mark.parametrize(
    ("headers", "reset"),
    [
        ({"ratelimit-reset": "41", "retry-after": "7"}, 41.0),
        ({"retry-after": "7"}, 7.0),
        ({"ratelimit-reset": "soon", "retry-after": "7"}, 7.0),
        ({"ratelimit-reset": "1795253415", "retry-after": "7"}, 7.0),
        ({"ratelimit-reset": "-3"}, None),
        (
            {"retry-after": "Sat, 21 Nov 2026 09:31:00 GMT", "date": "Sat, 21 Nov 2026 09:30:15 GMT"},
            45.0,
        ),
        (
            {"retry-after": "Sat, 21 Nov 2026 09:30:00 GMT", "date": "Sat, 21 Nov 2026 09:30:15 GMT"},
            0.0,
        ),
        ({"retry-after": "Sat, 21 Nov 2026 09:31:00 GMT"}, None),
        ({"retry-after": "999999"}, 3600.0),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_a_refusal_for_the_budget_knows_when_the_window_ends(
    headers: dict[str, str], reset: float | None
) -> None:
    error = error_from_response(429, headers, answer("PLATFORM.RATE_LIMIT_EXCEEDED"), LIST)
    assert isinstance(error, RateLimited)
    assert error.reset == reset


def test_the_message_is_one_sentence_with_what_kombo_says_the_code_and_what_to_do() -> None:
    error = error_from_response(
        403, {}, answer("INTEGRATION.MODEL_DISABLED", "Disabled\nin the\tscope config."), LIST
    )
    assert str(error) == (
        "Kombo answered HTTP 403 (INTEGRATION.MODEL_DISABLED) for hris_employees of personio:1: "
        "Disabled in the scope config; switch the model on in Kombo or leave it out of the configuration."
    )


def test_the_message_keeps_out_log_links_control_characters_and_endless_text() -> None:
    error = error_from_response(400, {}, answer("X" * 500, "\x1b[31m\ud800" + "long " * 500), LIST)
    assert "logs/secret" not in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"\xff", b'{"error":"text"}', b'{"error":{}}', b"[" * 100_000]
)
def test_a_refusal_without_kombos_words_still_says_something(body: bytes) -> None:
    assert "Bad Gateway" in str(error_from_response(502, {}, body, LIST))
    assert "HTTP 599" in str(error_from_response(599, {}, body, LIST))


def test_a_secret_in_kombos_words_is_taken_out_before_they_are_cut() -> None:
    request = RequestInfo("x", hide=lambda text: text.replace("ks_prod_secret", "***"))
    for padding in range(180, 201):
        error = error_from_response(
            400, {}, answer("ks_prod_secret", "x" * padding + "ks_prod_secret"), request
        )
        assert "ks_" not in str(error)
        assert error.code is None


def test_an_error_of_the_size_of_a_list_is_none_of_kombos() -> None:
    error = {"code": "PLATFORM.INTEGRATION_NOT_FOUND", "message": "x" * MOST_ERROR_BYTES}
    found = error_from_response(500, {}, json.dumps({"error": error}).encode(), RequestInfo("a list"))
    assert (type(found), found.code, found.by_kombo) == (Transient, None, False)
