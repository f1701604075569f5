"""Bodies of answers at the gateway, in Kombo's envelope. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


def page_body(records: Iterable[bytes], next_cursor: str | None) -> bytes:
    """Write the body of a page. records: JSON texts, which are passed on as they are."""
    head = b'{"status":"success","data":{"next":' + msgspec.json.encode(next_cursor)
    return b"".join((head, b',"results":[', b",".join(records), b"]}}"))
