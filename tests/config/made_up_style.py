"""Walk a list with a paging style of its own: ``python -m tests.config.made_up_style CONFIG CURSOR PAGES``.

The style is registered before the configuration is loaded, and nothing else knows it. Prints one JSON object:
``fault`` of the configuration, or the ``sent`` headers of each request, the ``ids`` that came, and the
``cursor`` to go on with.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor, Position
from syncer.domain.native.paging.base import NativePage, PagingStyle, follow
from syncer.domain.native.paging.keys import key
from syncer.domain.native.paging.styles import STYLES
from syncer.domain.native.request import call_at
from syncer.domain.native.response import read_listing

#: Records of the tool: two on a page.
IDS = (1, 2, 3, 4, 5)


def check_header(name: str) -> None:
    if not name.startswith("X-"):
        raise ValueError("should be a header that begins with X-")


@dataclass(frozen=True, slots=True)
class TokenStyle(PagingStyle):
    """A header of each answer has the token of the next page, which goes out as a header."""

    style: ClassVar[str] = "token"

    told: str = field(metadata=key(name="answer_header", check=check_header))
    sent: str = field(default="X-Token", metadata=key(name="header", check=check_header))
    first: int = field(default=0, metadata=key(least=0))

    def first_position(self) -> Position:
        return f"t{self.first}"

    def apply(self, call: Call, position: Position | None) -> Call:
        return replace(call, headers={**call.headers, self.sent: str(position)})

    def next_cursor(self, here: NativeCursor, page: NativePage) -> NativeCursor | None:
        token = page.headers.get(self.told)
        return follow(here, token if isinstance(token, str) else None, self.told)


def answer(headers: Mapping[str, str]) -> tuple[dict[str, str | list[str]], bytes]:
    """Answer as the tool: headers and body of the page that the token names."""
    start = int(headers["X-Here"].removeprefix("t"))
    body = json.dumps([{"id": each} for each in IDS[start : start + 2]]).encode()
    return ({"X-Next": f"t{start + 2}"} if start + 2 < len(IDS) else {}), body


def walk(config: Path, cursor: str | None, pages: int) -> dict[str, Any]:
    # The configuration takes its keys from the styles that there are when it is imported.
    from syncer.config.loading import load_settings

    try:
        (spec,) = load_settings(config, environ={}, secrets=config.parent).native_lists
    except UsageError as error:
        return {"fault": str(error)}
    here: NativeCursor | None = NativeCursor.read(cursor)
    sent: list[dict[str, str]] = []
    ids: list[int] = []
    while here is not None and len(sent) < pages:
        headers = dict(call_at(spec, here).headers)
        told, body = answer(headers)
        listing = read_listing(spec, here, "hibob:h1", status=200, headers=told, body=body, url="")
        sent.append(headers)
        ids += [json.loads(record)["id"] for record in listing.records]
        here = listing.next
    return {"sent": sent, "ids": ids, "cursor": here and here.text()}


if __name__ == "__main__":
    STYLES[TokenStyle.style] = TokenStyle
    print(json.dumps(walk(Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3]))))
