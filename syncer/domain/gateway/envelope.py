"""Bodies of answers at the gateway, in Kombo's envelope. Pure."""

from __future__ import annotations

import msgspec


def page_body(records: list[bytes], next_cursor: str | None) -> bytes:
    """Write the body of a page. records: JSON texts, which are passed on as they are, and joined once."""
    head = b'{"status":"success","data":{"next":' + msgspec.json.encode(next_cursor) + b',"results":['
    if not records:
        return head + b"]}}"
    *before, last = records
    first, *others = [*before, last + b"]}}"]
    return b",".join([head + first, *others])
