"""The key never passes in an answer, however the answer is cut and compressed."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.kombo.body import UnknownEncoding
from syncer.kombo.key_guard import KeyGuard, KeyShown

KEY = "ks_prod_aabaabaac"


def passed(body: bytes, cuts: list[int], headers: dict[str, str] | None = None) -> bytes:
    """What passes of a body that comes in pieces."""
    guard = KeyGuard(KEY, headers or {})
    ends = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    pieces = [guard.feed(body[start:end]) for start, end in pairwise(ends)]
    return b"".join([*pieces, guard.end()])


PARTS = st.sampled_from([KEY, KEY[:-1], KEY[:5], "a", "aab", "ks_", "", "other text "])


@given(st.lists(PARTS, max_size=6).map("".join), st.lists(st.integers(0, 120), max_size=8))
def test_a_plain_body_passes_with_the_key_struck_out_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    expected = text.encode().replace(KEY.encode(), b"*" * len(KEY))
    assert passed(text.encode(), cuts) == expected


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_a_body_without_the_key_passes_byte_for_byte(body: bytes, cuts: list[int]) -> None:
    assert passed(body, cuts) == body


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_compressed_body_passes_as_it_came_unless_it_shows_the_key(
    compress: Callable[[bytes], bytes], size: int
) -> None:
    headers = {"content-encoding": "gzip" if compress is gzip.compress else "deflate"}
    harmless = compress(b"x" * 5000 + KEY[:-1].encode() + b"y" * 5000)
    assert passed(harmless, list(range(0, len(harmless), size)), headers) == harmless
    showing = compress(b"x" * 5000 + KEY.encode() + b"y" * 5000)
    with pytest.raises(KeyShown):
        passed(showing, list(range(0, len(showing), size)), headers)


def test_what_cannot_be_looked_into_does_not_pass() -> None:
    with pytest.raises(KeyShown):
        passed(b"no gzip", [], {"content-encoding": "gzip"})
    with pytest.raises(UnknownEncoding):
        KeyGuard(KEY, {"content-encoding": "br"})
