"""Body of a response as it comes in: decompressed piece by piece, within limits, and whole or an error.

A megabyte can decompress to a gigabyte, and what a library has already decompressed is in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from io import BytesIO

from syncer.domain.limits import MOST_ANSWER_BYTES

#: Header of a request: what is decompressed here.
ACCEPTED_ENCODINGS = "gzip, deflate"

_GZIP, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS


class Oversized(ValueError):
    """Error of a body with more bytes than are read."""


class UnknownEncoding(ValueError):
    """Error of a body that is compressed in a way that nobody asked for."""


class BrokenBody(ValueError):
    """Error of a body that is not what its header says, or not whole; the message ends a sentence."""


class Body:
    """Body of one response. size: bytes read so far, decompressed."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Begin with the response's headers. Raises Oversized, UnknownEncoding."""
        promised = headers.get("content-length", "")
        if promised.isdecimal() and int(promised) > MOST_ANSWER_BYTES:
            raise Oversized
        self._decoders = decoders(headers)
        # It gives what was written to it without a copy.
        self._whole = BytesIO()
        self._received = 0
        self.size = 0

    def add(self, piece: bytes) -> None:
        """Take the next bytes as they came. Raises Oversized, BrokenBody."""
        self._received += len(piece)
        if self._received > MOST_ANSWER_BYTES:
            raise Oversized
        for decoder in self._decoders:
            piece = decoder.decompress(piece, MOST_ANSWER_BYTES)
        self.size += len(piece)
        if self.size > MOST_ANSWER_BYTES:
            raise Oversized
        self._whole.write(piece)

    def whole(self) -> bytes:
        """Give the body once all of it has come. Raises BrokenBody where it was cut off."""
        if self._received and not all(decoder.is_whole for decoder in self._decoders):
            raise BrokenBody("its body is cut off")
        return self._whole.getvalue()


def decoders(headers: Mapping[str, str]) -> list[Inflater]:
    """Make the decompressors of a body in the order of their use; none where it is plain.

    Raises UnknownEncoding.
    """
    names = [name.strip() for name in headers.get("content-encoding", "").lower().split(",")]
    try:
        # What was done last is undone first.
        return [_DECODERS[each]() for each in reversed(names) if each not in ("", "identity")]
    except KeyError:
        raise UnknownEncoding from None


class Inflater:
    """Decompressor of zlib's formats. One text may be several that follow each other."""

    def __init__(self, *formats: int) -> None:
        self._formats = list(formats)
        self._stream = zlib.decompressobj(self._formats.pop(0))
        self._wbits = formats[0]
        self._begun = b""
        self.is_whole = False

    def decompress(self, piece: bytes, most: int) -> bytes:
        """Decompress the next bytes. Raises Oversized for more than ``most`` of them, BrokenBody."""
        parts: list[bytes] = []
        while piece:
            if self.is_whole:
                self._stream, self.is_whole = zlib.decompressobj(self._wbits), False
            part = self._inflate(piece, most + 1)
            most -= len(part)
            if most < 0:
                raise Oversized
            parts.append(part)
            self.is_whole, piece = self._stream.eof, self._stream.unused_data
        return b"".join(parts)

    def _inflate(self, piece: bytes, most: int) -> bytes:
        try:
            part = self._stream.decompress(piece, most)
        except zlib.error:
            if not self._formats:
                raise BrokenBody("its body could not be decompressed") from None
        else:
            # A format is told from another by its first two bytes.
            if self._formats:
                self._begun += piece[:2]
                if len(self._begun) >= 2:
                    self._formats.clear()
            return part
        # Some servers send the bare format under the name of the wrapped one.
        self._wbits = self._formats.pop(0)
        self._stream = zlib.decompressobj(self._wbits)
        return self._inflate(self._begun + piece, most)


_DECODERS: dict[str, Callable[[], Inflater]] = {
    "gzip": lambda: Inflater(_GZIP),
    "x-gzip": lambda: Inflater(_GZIP),
    "deflate": lambda: Inflater(zlib.MAX_WBITS, _RAW_DEFLATE),
}
