"""Faults by script: which request gets which bad answer, how often.

    environment.faults.add(Match(model="hris_*", page=2), bad_gateway(), times=3)

An answer *by Kombo* counts against the limit and carries its headers, as the true ones do; one from the
load balancer in front (``bad_gateway``) knows of neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct, field

from syncer.domain.gateway.kombo_words import error_body
from syncer.simulator.server.request_log import RequestInfo


class Match(Struct, frozen=True):
    """Pattern of requests: integration, model, path and call (globs), and the page's number in its walk.

    call: such as ``POST *``; fits calls of a tool's own API alone.
    """

    integration: str = "*"
    model: str = "*"
    path: str = "*"
    call: str | None = None
    page: int | None = None

    def fits(self, logged: RequestInfo) -> bool:
        return (
            fnmatchcase(logged.integration_id or "", self.integration)
            and fnmatchcase(logged.model or "", self.model)
            and fnmatchcase(logged.path, self.path)
            and (self.call is None or fnmatchcase(logged.call or "", self.call))
            and self.page in (None, logged.page)
        )


class Reply(Struct, frozen=True):
    """Response instead of the true one. skew: how far its Date is ahead of the clock."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    by_kombo: bool = True
    skew: timedelta = timedelta()


class Mangled(Struct, frozen=True):
    """True response with another body. skew: how far its Date is ahead of the clock."""

    change: Callable[[bytes], bytes]
    skew: timedelta = timedelta()


class Late(Struct, frozen=True):
    """True response after so many seconds of silence."""

    seconds: float


class Dropped(Struct, frozen=True):
    """Connection that breaks after half of the true response.

    With a real socket that needs nothing else. Over an in-process transport there is no connection to
    break: there raising is the exception that the client shall see.
    """

    raising: Exception | None = None


Answer = Reply | Mangled | Late | Dropped


class Fault(Struct):
    """Entry of the script; left is None for ever. fired counts what it has answered.

    after: so many requests that fit go by first. when: tells of a request that fits if it happens now.
    """

    match: Match
    answer: Answer
    left: int | None
    after: int = 0
    when: Callable[[RequestInfo], bool] | None = None
    fired: int = 0


class Faults:
    """Script of faults. The first entry that fits a request and is not used up answers it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self,
        match: Match,
        answer: Answer,
        times: int | None = 1,
        *,
        after: int = 0,
        when: Callable[[RequestInfo], bool] | None = None,
    ) -> Fault:
        """Add an entry for so many requests, after so many that fit as well; None: for all."""
        fault = Fault(match, answer, times, after, when)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """End all faults."""
        self._faults.clear()

    def take(self, logged: RequestInfo) -> Answer | None:
        """Take the response for this request, used up by one."""
        for fault in self._faults:
            if fault.left != 0 and fault.match.fits(logged):
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.when is not None and not fault.when(logged):
                    continue
                fault.fired += 1
                fault.left = None if fault.left is None else fault.left - 1
                return fault.answer
        return None


def kombo_error(status: int, code: str | None, message: str = "This is a scripted error.") -> Reply:
    """Reply with any error of Kombo's; code may be None."""
    return Reply(status, error_body(code, message))


def rate_limited(reset: int = 30) -> Reply:
    """Reply 429 although the window had room: others have used the key up."""
    body = error_body("PLATFORM.RATE_LIMIT_EXCEEDED", "The rate limit is exceeded.")
    return Reply(429, body, headers={"ratelimit-remaining": "0", "ratelimit-reset": str(reset)})


def concurrency_limited(limit: int = 30) -> Reply:
    """Reply with the other 429: too many calls at once against one integration's tool."""
    body = error_body("PLATFORM.CONCURRENCY_LIMIT_EXCEEDED", "Too many concurrent requests.")
    return Reply(429, body, headers={"Concurrency-Limit": str(limit), "Concurrency-Remaining": "0"})


def native_answer(
    status: int,
    data: Any = None,
    headers: Mapping[str, str | list[str]] | None = None,
    *,
    url: str = "https://api.tool.example/",
) -> Reply:
    """Wrap the tool's own response, an error included, into a success; no data: an empty body."""
    answer: dict[str, Any] = {"url": url, "status": status, "headers": dict(headers or {})}
    if data is not None:
        answer["data"] = data
    return Reply(200, json.dumps({"status": "success", "data": answer, "warnings": []}).encode())


def native_rate_limited(seconds: int = 1) -> Reply:
    """Reply with the tool's own 429, which is a success of Kombo's."""
    return native_answer(429, {"message": "Too many requests"}, {"retry-after": str(seconds)})


def native_not_json(status: int = 200) -> Reply:
    """Reply with the tool's page for people where JSON was due, such as that of a login."""
    return native_answer(status, "<!doctype html><title>Please wait</title>", {"content-type": "text/html"})


def native_rewritten(change: Callable[[Any], Any]) -> Mangled:
    """Change the body of the tool's true response as Kombo shows it; errors stay as they are."""

    def changed(envelope: Any) -> Any:
        if envelope["status"] == "success":
            envelope["data"]["data"] = change(envelope["data"].get("data"))
        return envelope

    return rewritten(changed)


def native_truncated() -> Mangled:
    """Cut the tool's body in half, so that Kombo has a text of what was JSON. Base64 can still be decoded."""

    def half(data: Any) -> str:
        text = data if isinstance(data, str) else json.dumps(data)
        return text[: len(text) // 8 * 4]

    return native_rewritten(half)


def remote_error(code: str = "REMOTE.SERVICE_UNAVAILABLE", status: int = 503) -> Reply:
    """Reply with an error between Kombo and the tool; which status goes with which code is not documented."""
    return kombo_error(status, code, "The tool could not be reached.")


def server_error(status: int = 500, code: str | None = "PLATFORM.UNKNOWN_ERROR") -> Reply:
    return kombo_error(status, code, "Something went wrong.")


def bad_gateway(
    status: int = 502, text: str = "upstream connect error", skew: timedelta = timedelta()
) -> Reply:
    """Reply in plain text as the load balancer does; text may be empty or HTML."""
    return Reply(status, text.encode(), "text/plain", by_kombo=False, skew=skew)


def not_json(status: int = 200) -> Reply:
    """Reply with a login page or the like where JSON was due."""
    return Reply(status, b"<!doctype html><title>Please wait</title>", "text/html")


def truncated() -> Mangled:
    """Cut the response in half; it is complete as far as HTTP can tell."""
    return Mangled(lambda body: body[: len(body) // 2])


def reshaped(data: Any) -> Reply:
    """Reply with a success envelope with this as its data: no results, results null or an object, …"""
    return Reply(200, json.dumps({"status": "success", "data": data}).encode())


def rewritten(change: Callable[[Any], Any]) -> Mangled:
    """Change the decoded JSON of the true response."""
    return Mangled(lambda body: json.dumps(change(json.loads(body))).encode())


def misdated(skew: timedelta) -> Mangled:
    """Make a true response whose Date is so far ahead of the clock."""
    return Mangled(lambda body: body, skew)


def repeated() -> Mangled:
    """Repeat the first true response that it meets: a page comes twice, or the same cursor for ever."""
    first: list[bytes] = []

    def answer(body: bytes) -> bytes:
        if not first:
            first.append(body)
        return first[0]

    return Mangled(answer)


def expired_cursor() -> Reply:
    """Refuse a cursor as expired; match it with a page above 1."""
    return kombo_error(400, "PLATFORM.INPUT_INVALID", "The cursor has expired.")


def key_refused() -> Reply:
    return kombo_error(401, "PLATFORM.AUTHENTICATION_INVALID", "The API key is not valid.")


def not_ready(code: str = "INTEGRATION.SETUP_SYNC_PENDING", status: int = 409) -> Reply:
    """Reply with a setup state of the integration; before May 2026 the status was 503."""
    return kombo_error(status, code, "The integration is not ready yet.")
