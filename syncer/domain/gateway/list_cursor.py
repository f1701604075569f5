"""Cursors of lists that the mirror answers: a position in the order of ids, which nobody has to keep. Pure.

The order never changes, whatever becomes of the rows: what is there throughout is served once, and nobody
has to remember a walk. A cursor is opaque, tells its own kind from Kombo's, and is good for as long as the
list is.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from hashlib import blake2b
from typing import Final

import msgspec
from msgspec import Struct

from syncer.domain.gateway.kombo_words import InvalidInput

_SEAL_BYTES: Final = 6
_decoder = msgspec.json.Decoder(tuple[str, str])


class ListCursor(Struct, frozen=True):
    """Position of a walk. after: id of the last row served. fingerprint: of what the walk repeats."""

    after: str
    fingerprint: str

    def encoded(self) -> str:
        """Write the cursor as it is given out."""
        text = msgspec.json.encode((self.after, self.fingerprint))
        return urlsafe_b64encode(_seal(text) + text).decode().rstrip("=")


def read_list_cursor(cursor: str) -> ListCursor | None:
    """Read a cursor; None where it is not one of ours: Kombo's, as far as anybody can tell."""
    try:
        sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        text = sealed[_SEAL_BYTES:]
        if sealed[:_SEAL_BYTES] != _seal(text):
            return None
        return ListCursor(*_decoder.decode(text))
    except (NoBase64, ValueError):
        return None


def check_cursor(cursor: ListCursor, fingerprint: str) -> None:
    """Check that a cursor is one of this walk. Raises InvalidInput."""
    if cursor.fingerprint != fingerprint:
        raise InvalidInput("cursor: repeat with it the parameters that it was given for")


def _seal(text: bytes) -> bytes:
    """Digest what a cursor says: others have no such beginning."""
    return blake2b(text, digest_size=_SEAL_BYTES, person=b"mirror-cursor").digest()
