"""Keep the key out of what a server answers, while the answer passes as it came.

A server that shows what it was sent would otherwise give the key to whoever asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.limits import MOST_ANSWER_BYTES
from syncer.kombo.body import BrokenBody, Oversized, decoders


class KeyShown(ValueError):
    """Error of an answer that shows the key where it cannot be taken out."""


class KeyMask:
    """Mask of one text in a stream of bytes, which keeps its length."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes; give what can be passed on. What may be the beginning of the key is held."""
        text = (self._held + piece).replace(self._key, b"*" * len(self._key))
        held = _overlap(text, self._key)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def end(self) -> bytes:
        """Give what was held at the end."""
        return self._held


class KeyGuard:
    """Guard of one body: masks the key in plain bytes, and ends an answer that shows it compressed.

    Raises UnknownEncoding for a body that is compressed in a way that nobody asked for.
    """

    def __init__(self, key: str, headers: Mapping[str, str]) -> None:
        self._key = key.encode()
        self._mask = KeyMask(self._key)
        self._decoders = decoders(headers)
        self._seen = b""

    def feed(self, piece: bytes) -> bytes:
        """Take the next bytes as they came; give those to pass on. Raises KeyShown."""
        if not self._decoders:
            return self._mask.feed(piece)
        try:
            plain = piece
            for decoder in self._decoders:
                plain = decoder.decompress(plain, MOST_ANSWER_BYTES)
        except (Oversized, BrokenBody):
            raise KeyShown("its body cannot be looked into") from None
        text = self._seen + plain
        if self._key in text:
            raise KeyShown("it shows the API key")
        self._seen = text[-len(self._key) :]
        return piece

    def end(self) -> bytes:
        """Give what was held at the end."""
        return self._mask.end()


def _overlap(text: bytes, key: bytes) -> int:
    """Count the bytes at the end of a text that the key may begin with."""
    sizes = range(min(len(text), len(key) - 1), 0, -1)
    return next((size for size in sizes if key.startswith(text[-size:])), 0)
