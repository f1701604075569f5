"""Query of a request for changes, and the forms in which it is answered."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request

from syncer.app import App
from syncer.domain.errors import UsageError
from syncer.operations.changes import NEWEST, PAGE, Newest, check_reader, select_changes
from syncer.store.reading.changes import FeedPage, FeedSelection

MOST_CHANGES = 1_000
#: Seconds that a request may wait for changes at most.
MOST_WAIT = 60
_MOST_DIGITS = 18
_ONE = ("after", "consumer", "documents", "limit", "wait")
_SEVERAL = ("environment", "integration", "model")
#: What only makes sense where the answer ends.
_OF_POLLS = ("limit", "wait")


class ChangeQuery(Struct, frozen=True):
    """Query for changes.

    after: None where to begin with what the consumer has not acknowledged, or with the first change left.
    """

    selection: FeedSelection
    after: int | Newest | None
    consumer: str | None
    documents: bool
    limit: int
    wait: float
    is_stream: bool

    def encode(self, page: FeedPage) -> bytes:
        """Encode a page as a JSON document, or as events."""
        return self._events(page) if self.is_stream else self._document(page)

    def _document(self, page: FeedPage) -> bytes:
        lost = b"" if page.lost is None else b'"lost":' + msgspec.json.encode(page.lost.value()) + b","
        shown = b",".join(each.json(documents=self.documents) for each in page.changes)
        return b'{%s"changes":[%s],"next":%d}' % (lost, shown, page.next)

    def _events(self, page: FeedPage) -> bytes:
        events = []
        if page.lost is not None:
            events.append(b"event: lost\ndata: %s\n\n" % msgspec.json.encode(page.lost.value()))
        for each in page.changes:
            events.append(b"id: %d\ndata: %s\n\n" % (each.sequence, each.json(documents=self.documents)))
        if not page.changes or page.next > page.changes[-1].sequence:
            # An event without data is none, but its id counts: who resumes passes over what did not fit.
            events.append(b"id: %d\n\n" % page.next)
        return b"".join(events)


def read_query(app: App, request: Request) -> ChangeQuery:
    """Read the query of a request. Raises UsageError, and HTTPException where a page elsewhere sent it."""
    given = request.query_params
    for name in given:
        if name not in _ONE and name not in _SEVERAL:
            known = ", ".join(sorted((*_ONE, *_SEVERAL)))
            raise UsageError(f"/changes does not know {name[:40]!a}: it knows {known}.")
    is_stream = "text/event-stream" in request.headers.get("accept", "") and request.method == "GET"
    if is_stream and any(name in given for name in _OF_POLLS):
        raise UsageError("limit and wait are for answers in JSON: a stream of events has no end.")
    consumer = given.get("consumer")
    if consumer is not None:
        check_reader(app, consumer)
        if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            # A browser sends what any page says, also what would acknowledge.
            raise HTTPException(403, "A page of another origin cannot speak for a consumer.")
    after = _begin(given["after"]) if "after" in given else None
    if is_stream and (resumed := request.headers.get("last-event-id")):
        after = _whole(resumed, "Last-Event-ID")
    return ChangeQuery(
        selection=select_changes(
            app, given.getlist("model"), given.getlist("integration"), given.getlist("environment")
        ),
        after=after,
        consumer=consumer,
        documents=_flag(given, "documents"),
        limit=_whole(given.get("limit", str(PAGE)), "limit", 1, MOST_CHANGES),
        wait=_whole(given.get("wait", "0"), "wait", 0, MOST_WAIT),
        is_stream=is_stream,
    )


def _begin(text: str) -> int | Newest:
    return NEWEST if text == NEWEST else _whole(text, "after")


def _whole(text: str, name: str, least: int = 0, most: int | None = None) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        number = int(text)
        if least <= number and (most is None or number <= most):
            return number
    up_to = "" if most is None else f" to {most}"
    raise UsageError(f"{name} is a whole number from {least}{up_to}, and not {text[:40]!a}.")


def _flag(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text not in {"true", "false"}:
        raise UsageError(f"{name} is true or false, and not {text[:40]!a}.")
    return text == "true"
