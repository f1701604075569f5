"""Status pages over HTTP: documents, and to who has one what has changed of it.

A page that is open asks again and again with ``Syncer-Parts``, the versions of what it shows, and is answered
with the parts that differ as JSON, or 204. How soon it asks again depends on what an answer costs, so that
all open pages that show the same take a hundredth of a processor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from syncer.daemon.database_health import DatabaseHealth
from syncer.daemon.web.page.assets import assets, assets_version, serve_asset
from syncer.daemon.web.page.grid import GridQuery, Show
from syncer.daemon.web.page.render import Page, link, templates
from syncer.daemon.web.page.views import Views
from syncer.daemon.web.shared_query import SharedQuery
from syncer.domain.stream_key import StreamKey

#: Header of who asks for changes, and of the answers to it.
PARTS = "Syncer-Parts"
#: How many times its cost passes until there is another answer for open pages, and the bounds in seconds.
REST = 99
SOONEST, LATEST = 3.0, 60.0
#: Characters of a search that are read.
MOST_TEXT = 100
_MOST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _FrontKey:
    """Key of a front page: a summary, told by its number, and a query make the same page each time."""

    number: int
    query: GridQuery
    summary: Mapping[str, Any] = field(compare=False)


class StatusPages:
    """Pages for people. patience: seconds that a page waits for the database."""

    def __init__(self, views: Views, health: DatabaseHealth, patience: float) -> None:
        self._health = health
        self._summaries = 0
        self._views = views
        self._summary = SharedQuery[str | None, tuple[int, dict[str, Any]]](self._sum_up, patience)
        self._front = SharedQuery[_FrontKey, Page](lambda key: views.front(key.summary, key.query), patience)
        self._integration = SharedQuery[tuple[str, str | None], Page | None](
            lambda key: views.integration(*key), patience
        )
        self._stream = SharedQuery[tuple[StreamKey, str | None], Page | None](
            lambda key: views.stream(*key), patience
        )

    def routes(self) -> list[Route]:
        """Make the routes of these pages and of their files."""
        return [
            Route("/", self._answer_front),
            Route("/integrations/{rest:path}", self._answer_one),
            Route("/assets/{name}", serve_asset),
        ]

    def serves(self, path: str) -> bool:
        """Tell whether it is people who ask for a path."""
        return path == "/" or path.startswith("/integrations/")

    async def _answer_front(self, request: Request) -> Response:
        given = request.query_params
        if (chosen := given.get("integration")) is not None:
            # The address that it had before. Without a host: that is the client's business.
            return RedirectResponse(link(chosen), status_code=308)
        kept = _kept(request)
        number, summary = await self._summary.ask(self._health.error, kept=kept)
        key = _FrontKey(number, read_query(given), summary)
        page = await self._front.ask(key, kept=kept)
        return await self._answer(request, page, self._summary.cost + self._front.cost)

    async def _answer_one(self, request: Request) -> Response:
        # As it was sent: a slash in an id does not end it.
        raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
        _, _, integration, *rest = map(unquote, raw.decode("latin-1").split("/"))
        if len(rest) > 1:
            raise HTTPException(404, "There is no such page.")
        kept = _kept(request)
        if rest:
            page = await self._stream.ask((StreamKey(integration, rest[0]), self._health.error), kept=kept)
            cost = self._stream.cost
        else:
            page = await self._integration.ask((integration, self._health.error), kept=kept)
            cost = self._integration.cost
        if page is None:
            what = (
                f"stream {rest[0][:80]} of {integration[:80]}" if rest else f"integration {integration[:80]}"
            )
            raise HTTPException(404, f"There is no {what} in the mirror.")
        return await self._answer(request, page, cost)

    async def _answer(self, request: Request, page: Page, cost: float) -> Response:
        next_poll = min(max(SOONEST, REST * cost), LATEST)
        if not is_poll(request):
            return HTMLResponse(await asyncio.to_thread(page.document, next_poll))
        headers = {
            "Syncer-Now": page.now.isoformat(),
            "Syncer-Next": f"{next_poll:.1f}",
            "Syncer-Assets": assets_version(),
        }
        changes = page.changes(known_parts(request))
        if changes is None:
            return Response(status_code=204, headers=headers)
        return Response(msgspec.json.encode(changes), media_type="application/json", headers=headers)

    def _sum_up(self, error: str | None) -> tuple[int, dict[str, Any]]:
        self._summaries += 1
        return self._summaries, self._views.summary(error)


def error_page(request: Request, status: int, sentence: str, detail: str, now: datetime) -> Response:
    """Answer with what is wrong: as a page, or in a line to a page that is open."""
    if is_poll(request):
        return Response(f"{sentence} {detail}".strip(), status, media_type="text/plain")
    html = (
        templates()
        .get_template("error.html")
        .render(
            title=f"(!) syncer: {sentence}",
            sentence=sentence,
            is_passing=status == 503,
            detail=detail,
            now=now,
            next_poll=SOONEST,
            assets={name: each.path for name, each in assets().items()},
            assets_version=assets_version(),
        )
    )
    return HTMLResponse(html, status)


def is_poll(request: Request) -> bool:
    """Tell whether an open page asks what has changed."""
    return PARTS in request.headers


def known_parts(request: Request) -> dict[str, str]:
    """Read the versions of the parts that an open page has: ``name=version`` each."""
    found = (each.partition("=") for each in request.headers.get(PARTS, "").split())
    return {name: version for name, _, version in found}


def read_query(given: Mapping[str, str]) -> GridQuery:
    """Read what a reader has chosen; what makes no sense is as if it were not there."""
    show: Show = "all"
    if (wanted := given.get("show")) == "trouble" or wanted == "running":
        show = "trouble" if wanted == "trouble" else "running"
    text = given.get("page", "1")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return GridQuery(given.get("q", "")[:MOST_TEXT].strip(), show, max(1, int(text)) if is_number else 1)


def _kept(request: Request) -> float | None:
    """Give how many times its cost an answer may have been kept for this request; None: the usual."""
    return REST if is_poll(request) else None
