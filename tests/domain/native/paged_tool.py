"""A tool that lists records page by page, in each of the ways that tools do it, and a walk through it."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.jmespath import at
from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.counted import OffsetStyle, PageNumberStyle
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.link import LinkStyle
from syncer.domain.native.paging.parameter import ParameterStyle
from syncer.domain.native.paging.single import SINGLE_PAGE
from syncer.domain.native.request import call_at
from syncer.domain.native.response import Listing, read_listing
from syncer.domain.native.spec import Format, NativeListSpec

INTEGRATION = "hibob:h1"
BASE = "https://api.tool.example/v1"
_OF_CALL = ("params", "headers", "data", "options", "wants_base64")


def native_list(
    page: PagingStyle | None = None,
    *,
    api: str = "hibob/v1",
    method: str = "GET",
    path: str = "/list",
    **parts: Any,
) -> NativeListSpec:
    """A native list whose records are at ``items`` and known by ``id``; parts: of a call or of the list."""
    call = {name: parts.pop(name) for name in _OF_CALL if name in parts}
    return NativeListSpec(
        name="native_list",
        call=Call(api, method, path, is_listing=True, **call),
        integrations=("hibob:*",),
        every=timedelta(hours=6),
        page=page or SINGLE_PAGE,
        **{"records": "items", "key": ("id",), **parts},
    )


def read(
    spec: NativeListSpec,
    data: Any = None,
    cursor: NativeCursor | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str | list[str]] | None = None,
    body: bytes | None = None,
    url: str = f"{BASE}/list?access_token=t0ken",
) -> Listing:
    """What is read of a tool's answer. data: as Kombo passes it on, where body does not give it as text."""
    text = json.dumps(data).encode() if body is None and data is not None else body
    return read_listing(
        spec, cursor or NativeCursor(), INTEGRATION, status=status, headers=headers or {}, body=text, url=url
    )


@dataclass(frozen=True)
class Tool:
    """Lists records, so many at once, in the way that the native list expects."""

    spec: NativeListSpec
    records: Sequence[Mapping[str, str]]
    size: int

    def walk(self) -> list[dict[str, Any]]:
        """All records in the order in which they came. Fails where the walk comes to no end."""
        cursor: NativeCursor | None = NativeCursor()
        found: list[dict[str, Any]] = []
        for _ in range(len(self.records) + 2):
            assert cursor is not None
            listing = self._answer(NativeCursor.read(cursor.text()))
            found += map(json.loads, listing.records)
            cursor = listing.next
            if cursor is None:
                return found
        raise AssertionError("the walk comes to no end")

    def _answer(self, cursor: NativeCursor) -> Listing:
        call = call_at(self.spec, cursor)
        start = self._start(call)
        records = self.records[start : start + self.size]
        more = start + self.size < len(self.records)
        following = start + self.size
        page = self.spec.page
        link = f"{BASE}/list?at={following}&limit={self.size}&access_token=t0ken"
        answer: dict[str, Any] = {
            # A number where it can be one: both are cursors.
            "next": (link if page.style == "link" else following) if more else None,
            "total": -(-len(self.records) // self.size) if page.style == "page" else len(self.records),
            "items": records,
        }
        headers = {"Link": f'<{BASE}/list?at=0>; rel="first"' + (f', <{link}>; rel="next"' if more else "")}
        text = _written(self.spec.format, answer)
        if self.spec.call.wants_base64:
            text = base64.b64encode(text.encode()).decode()
        return read(
            self.spec, text, cursor, headers=headers, url=f"{BASE}{_added(call.path)}access_token=t0ken"
        )

    def _start(self, call: Call) -> int:
        """The number of records before the page that is asked for."""
        match self.spec.page:
            case CursorStyle() as page:
                return int(_sent(page, call) or 0)
            case OffsetStyle() as page:
                return int(_sent(page, call)) - page.first_position()
            case PageNumberStyle() as page:
                return (int(_sent(page, call)) - page.first_position()) * self.size
            case LinkStyle():
                return int(dict(parse_qsl(urlsplit(call.path).query)).get("at", 0))
            case _:
                return 0


def _sent(page: ParameterStyle, call: Call) -> Any:
    """Return the position that the call sends; None where it sends none."""
    return call.params.get(page.param) if page.within == "params" else at(page.param, call.data)


def _added(path: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}"


def _written(written: Format, answer: dict[str, Any]) -> str:
    """The answer as a text of that format."""
    match written:
        case "json":
            return json.dumps(answer)
        case "xml":
            items = "".join(
                "<n:item>"
                + "".join(f"<n:{name}>{escape(text)}</n:{name}>" for name, text in each.items())
                + "</n:item>"
                for each in answer["items"]
            )
            following = "" if answer["next"] is None else f"<n:next>{escape(str(answer['next']))}</n:next>"
            return (
                f'<n:list xmlns:n="urn:n"><n:total>{answer["total"]}</n:total>{following}'
                f"<n:items>{items}</n:items></n:list>"
            )
        case "csv":
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, ["id", "name"])
            writer.writeheader()
            writer.writerows(answer["items"])
            return text.getvalue()
