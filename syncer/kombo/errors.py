"""Map error responses to typed errors, one per thing that the caller can do. Pure.

Kombo's error code decides, then the code's prefix, then the HTTP status; the text only where a list is asked
with parameters of which nobody knows whether it takes them.

Sources: docs.kombo.dev, "Errors" (the codes, and what may be retried), "Concurrency limiting" and "Important
changes" (409 instead of 503 while a setup is unfinished); the code lists of Kombo's Python SDK 1.4.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from msgspec import Struct

from syncer.domain.errors import (
    AnswerTooLarge,
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
    Unreachable,
)
from syncer.domain.limits import MOST_ERROR_BYTES
from syncer.domain.texts.scrub import GAP, scrub, scrub_code
from syncer.kombo.headers import read_reset

INPUT_INVALID = "PLATFORM.INPUT_INVALID"

BY_CODE: dict[str, type[KomboError]] = {
    "PLATFORM.RATE_LIMIT_EXCEEDED": RateLimited,
    "PLATFORM.CONCURRENCY_LIMIT_EXCEEDED": ConcurrencyLimited,
    "PLATFORM.TASK_TIMED_OUT": Transient,
    "PLATFORM.UNKNOWN_ERROR": Transient,
    INPUT_INVALID: RequestRefused,
    "PLATFORM.AUTHENTICATION_INVALID": KeyRefused,
    "PLATFORM.IP_NOT_WHITELISTED": KeyRefused,
    "PLATFORM.INTEGRATION_NOT_FOUND": IntegrationGone,
    "INTEGRATION.SETUP_SYNC_PENDING": NotReady,
    "INTEGRATION.SETUP_INCOMPLETE": NotReady,
    "INTEGRATION.QA_FAILED": NotReady,
    "INTEGRATION.AUTHENTICATION_INVALID": NotReady,
    "INTEGRATION.INACTIVE": NotReady,
    "INTEGRATION.PERMISSION_MISSING": ModelUnavailable,
    "INTEGRATION.MODEL_NOT_AVAILABLE": ModelUnavailable,
    "INTEGRATION.MODEL_DISABLED": ModelUnavailable,
    "INTEGRATION.ACTION_NOT_AVAILABLE": RequestRefused,
    "INTEGRATION.ACTION_DISABLED": RequestRefused,
    "REMOTE.INPUT_INVALID": RequestRefused,
}

#: Codes that are not in the table. What the tool behind Kombo could not do, it may do later; its own
#: rate limit is among these and has nothing to do with the key's budget.
BY_PREFIX: dict[str, type[KomboError]] = {"REMOTE.": Transient}

#: Answers without a telling code. 409 means "not set up yet" everywhere in this API.
BY_STATUS: dict[int, type[KomboError]] = {
    401: KeyRefused,
    408: Transient,
    409: NotReady,
    425: Transient,
    429: RateLimited,
}

#: By the status's first digit. A 2xx that is no success contradicts itself: asking again does no harm.
BY_CLASS: dict[int, type[KomboError]] = {2: Transient, 3: RequestRefused, 4: RequestRefused, 5: Transient}

ADVICE: dict[type[KomboError], str] = {
    KeyRefused: "check the API key, its region and its list of allowed addresses",
    IntegrationGone: "check the integration's id and the region",
    NotReady: "look at the integration in Kombo's dashboard",
    ModelUnavailable: "switch the model on in Kombo or leave it out of the configuration",
    CursorRefused: "the walk has to start again",
}

BASE_URL_ADVICE = "check base_url and the region"
NETWORK_ADVICE = "check the network, base_url and the region"


class RequestInfo(Struct, frozen=True):
    """Facts on a request that the meaning of its response depends on.

    subject is how messages name it; is_integration says that the path itself names the integration, is_call
    that it is a call of the tool's own API, which no model's absence explains. hide takes secrets out of a
    text that the server wrote. quotes: the message goes to the person who asked, and repeats such a text.
    unsure: parameters that were sent although nobody knows whether the list takes them.
    """

    subject: str
    integration_id: str | None = None
    has_cursor: bool = False
    is_integration: bool = False
    is_call: bool = False
    hide: Callable[[str], str] = str
    quotes: bool = False
    unsure: frozenset[str] = frozenset()


def error_from_response(
    status: int, headers: Mapping[str, str], body: bytes, request: RequestInfo
) -> KomboError:
    """Map an error response to its error, which is given, not raised.

    A balancer's plain text, HTML or nothing is as good as Kombo's JSON here.
    """
    error = _error_member(body)
    code = _code(error, request)
    kind = _kind(code, status, request, is_kombos=error is not None)
    begun = f"Kombo answered HTTP {status}{f' ({code})' if code else ''}"
    explained = error.get("message") if error else None
    explanation = request.hide(explained) if isinstance(explained, str) else ""
    unsure = _named(request.unsure, explanation) if kind in {RequestRefused, CursorRefused} else frozenset()
    if unsure:
        kind = ParametersRefused
    details: dict[str, Any] = {
        "reason": f"{begun}: {_ending(scrub(explanation), status, kind, is_kombos=error is not None)}",
        "code": code,
        "status": status,
        "integration_id": request.integration_id,
    }
    if issubclass(kind, RateLimited):
        details["reset"] = read_reset(headers)
    shown = _short(explanation, 200) if request.quotes else scrub(explanation)
    ending = _ending(shown, status, kind, is_kombos=error is not None)
    refused = kind(f"{begun} for {request.subject}: {ending}", **details)
    refused.by_kombo = error is not None
    if isinstance(refused, ParametersRefused):
        refused.parameters = unsure
    return refused


def unreadable(
    status: int, headers: Mapping[str, str], body: bytes, reason: str, request: RequestInfo
) -> KomboError:
    """Give the error of a 2xx without the expected data: Kombo's where the body holds one, else Transient.

    reason ends the sentence "Kombo answered …, but" and quotes nothing of the body.
    """
    if _error_member(body) is not None:
        return error_from_response(status, headers, body, request)
    return Transient(
        f"Kombo answered HTTP {status} for {request.subject}, but {reason}.",
        reason=f"Kombo answered HTTP {status}, but {reason}.",
        status=status,
        integration_id=request.integration_id,
    )


def no_answer(
    kind: type[KomboError],
    host: str,
    path: str,
    integration_id: str | None,
    reason: str,
    *,
    unsent: bool = False,
    is_final: bool = False,
) -> KomboError:
    """Give the error of a request without an answer; reason ends a sentence."""
    whose = f" of {integration_id}" if integration_id else ""
    what = "Too large an answer" if kind is AnswerTooLarge else "No answer"
    error = kind(
        f"{what} from {host} to {path}{whose}: {reason}.",
        reason=f"{what} from {host}: {reason}.",
        integration_id=integration_id,
    )
    error.unsent = unsent
    if isinstance(error, Unreachable):
        error.is_final = is_final
    return error


def _error_member(body: bytes) -> dict[str, Any] | None:
    """Read the ``error`` object of Kombo's error envelope; None where the body is something else."""
    if len(body) > MOST_ERROR_BYTES:
        return None
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = envelope.get("error") if isinstance(envelope, dict) else None
    return error if isinstance(error, dict) else None


def _kind(code: str | None, status: int, request: RequestInfo, *, is_kombos: bool) -> type[KomboError]:
    # A balancer's or a wrong address's 404 must not pass for an integration that is gone.
    if code is None and status == 404 and request.is_integration and is_kombos:
        return IntegrationGone
    kind = BY_CODE.get(code or "")
    if kind is None:
        kind = next((kind for prefix, kind in BY_PREFIX.items() if code and code.startswith(prefix)), None)
    if kind is None:
        kind = BY_STATUS.get(status) or BY_CLASS.get(status // 100, Transient)
    if request.is_call and kind is ModelUnavailable:
        return RequestRefused
    # Nor must a balancer's 400 cost a walk its place: it says nothing of the cursor.
    is_bad_request = code == INPUT_INVALID or (status == 400 and is_kombos)
    if kind is RequestRefused and request.has_cursor and is_bad_request:
        return CursorRefused
    return kind


def _named(parameters: frozenset[str], explanation: str) -> frozenset[str]:
    """Find the parameters that an explanation names.

    The one place where the text of an answer decides: no code tells which parameter it is. It decides only
    between asking with and without one that the list may not have.
    """
    words = set(re.findall(r"\w+", explanation))
    return parameters & words


def _code(error: dict[str, Any] | None, request: RequestInfo) -> str | None:
    """Read the error's code; None where it is none of the API's, but a text."""
    code = error.get("code") if error else None
    code = scrub_code(request.hide(code)) if isinstance(code, str) else None
    return None if code == GAP else code


def _ending(explanation: str, status: int, kind: type[KomboError], *, is_kombos: bool) -> str:
    """Write what an answer means, as the end of a sentence."""
    advice = ADVICE.get(kind, "")
    if not is_kombos and kind is RequestRefused:
        advice = BASE_URL_ADVICE
    return f"{explanation.rstrip('. ') or _phrase(status)}{f'; {advice}' if advice else ''}."


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no explanation"


def _short(text: str, limit: int) -> str:
    """Shorten a text to one printable line of at most so many characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
