"""Split a page that the strict decoder refuses, so that one bad record costs no more than itself. Pure.

The decoder stops at a lone surrogate, a raw control character, ``NaN`` or very deep nesting anywhere in the
body, even inside a record that it is only asked to pass through. Brackets and strings are enough to tell
where a record ends. Truncated and unbalanced bodies are refused here as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s"{}\[\],:]++', re.DOTALL)
_CLOSER = {b"{": b"}", b"[": b"]"}

_text_decoder = msgspec.json.Decoder(str | None)


class Broken(ValueError):
    """Error of a body that is not one complete JSON object with a list of results."""


def split_page(body: bytes) -> tuple[str, str | None, tuple[bytes, ...]]:
    """Split a list's response into ``status``, ``data.next`` and the entries of ``data.results`` as received.

    Raises Broken where the body is cut off, unbalanced or of another shape.
    """
    envelope = _object(body)
    data = _object(envelope.get(b'"data"', b""))
    results = data.get(b'"results"', b"")
    if not results.startswith(b"["):
        raise Broken("it has no list of results")
    try:
        status = _text_decoder.decode(envelope.get(b'"status"', b""))
        cursor = _text_decoder.decode(data.get(b'"next"', b"null"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Broken("its status or its next cursor is not text") from None
    return status or "", cursor, tuple(value for _, value in _members(results))


def _object(text: bytes) -> dict[bytes | None, bytes]:
    if not text.lstrip().startswith(b"{"):
        raise Broken("it is not in Kombo's form")
    members = dict(_members(text))
    if None in members:
        raise Broken("it is not JSON")
    return members


def _members(text: bytes) -> Iterator[tuple[bytes | None, bytes]]:
    """Split one object or list into direct members: (key as received or None, value as received)."""
    closers: list[bytes] = []
    key: bytes | None = None
    start: int | None = None
    end = 0
    for token in _TOKEN.finditer(text):
        symbol = token[0]
        if text[end : token.start()].strip() or (end and not closers):
            raise Broken("it is not JSON")
        if symbol in (b"}", b"]"):
            if not closers or closers.pop() != symbol:
                raise Broken("its brackets do not match")
            if not closers and start is not None:
                yield key, text[start:end]
        elif len(closers) == 1 and symbol in (b",", b":"):
            if start is None:
                raise Broken("it is not JSON")
            if symbol == b":":
                key = text[start:end]
            else:
                yield key, text[start:end]
                key = None
            start = None
        elif len(closers) == 1 and start is None:
            start = token.start()
        if symbol in _CLOSER:
            closers.append(_CLOSER[symbol])
        end = token.end()
    if closers or text[end:].strip():
        raise Broken("it is cut off")
