"""A response's body as it comes in: decompressed within limits, and whole or an error."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.limits import MIB, MOST_ANSWER_BYTES
from syncer.kombo.body import Body, BrokenBody, Oversized, UnknownEncoding

#: A mebibyte becomes a gibibyte: texts that follow each other are one.
BOMB = gzip.compress(bytes(32 * MIB)) * 32


def received(body: bytes, encoding: str = "", *, at_once: int = 64 * 1024) -> bytes:
    """Read a body that comes in pieces."""
    coming = Body({"content-encoding": encoding})
    for start in range(0, len(body), at_once):
        coming.add(body[start : start + at_once])
    return coming.whole()


@given(st.binary(max_size=300), st.integers(1, 20), st.integers(0, 3))
def test_a_body_is_read_whatever_the_pieces_it_comes_in(body: bytes, at_once: int, more: int) -> None:
    members = gzip.compress(body) * (1 + more)
    assert received(members, "gzip", at_once=at_once) == body * (1 + more)
    assert received(zlib.compress(body), "Deflate", at_once=at_once) == body
    assert received(zlib.compress(body, wbits=-zlib.MAX_WBITS), "deflate", at_once=at_once) == body
    assert received(gzip.compress(zlib.compress(body)), "deflate, gzip", at_once=at_once) == body
    assert received(body, "identity", at_once=at_once) == body


@given(st.data())
def test_a_compressed_body_that_is_cut_off_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    whole = gzip.compress(b"a text that is compressed, and then another") + gzip.compress(b"one")
    end = data.draw(
        st.integers(1, len(whole) - 1).filter(lambda end: end != len(whole) - len(gzip.compress(b"one")))
    )
    with pytest.raises(BrokenBody, match="its body is cut off"):
        received(whole[:end], "gzip")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_what_its_header_says_is_broken(encoding: str) -> None:
    with pytest.raises(BrokenBody, match="could not be decompressed"):
        received(b"<html>no archive</html>", encoding)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "secret"])
def test_a_way_to_compress_that_nobody_asked_for_is_not_guessed_at(encoding: str) -> None:
    with pytest.raises(UnknownEncoding):
        received(b"x", encoding)


def test_an_answer_of_the_largest_size_is_read_and_a_byte_more_is_not() -> None:
    largest = bytes(MOST_ANSWER_BYTES)
    assert len(received(largest, at_once=16 * MIB)) == MOST_ANSWER_BYTES
    assert len(received(gzip.compress(largest), "gzip")) == MOST_ANSWER_BYTES
    with pytest.raises(Oversized):
        received(largest + b"x", at_once=16 * MIB)
    with pytest.raises(Oversized):
        received(gzip.compress(largest) + gzip.compress(b"x"), "gzip")


def test_a_body_that_is_promised_to_be_too_large_is_not_read_at_all() -> None:
    with pytest.raises(Oversized):
        Body({"content-length": str(MOST_ANSWER_BYTES + 1)})


def test_a_small_archive_of_a_gigabyte_takes_no_more_memory_than_the_largest_answer() -> None:
    tracemalloc.start()
    try:
        for encoding in ("gzip", "gzip, gzip"):
            body = BOMB if encoding == "gzip" else gzip.compress(BOMB)
            with pytest.raises(Oversized):
                received(body, encoding)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * MOST_ANSWER_BYTES
