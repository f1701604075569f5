"""Difference between a record and the document of its row, member by member. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import canonical, decoded
from syncer.domain.records.values import json_text

#: Former value of each member that a record says otherwise than the document of its row, as JSON text; None
#: where the document has no such member.
FormerValues: TypeAlias = Mapping[str, str | None]

#: Values stay text: most are equal to the last byte, and need no decoding.
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def former_values(record: bytes, document: bytes) -> FormerValues:
    """Find the members in which a record differs from a document, both JSON texts of objects.

    Neither the order of members, at any depth, nor white space is a difference; the spelling of a number is.
    Raises DecodeError, UnicodeDecodeError or RecursionError where one of them cannot be read.
    """
    new, old = _members.decode(record), _members.decode(document)
    former = {
        name: None if name not in old else bytes(old[name]).decode()
        for name, value in new.items()
        if name not in old or not _is_same(value, old[name])
    }
    gone = {name: bytes(value).decode() for name, value in old.items() if name not in new}
    return {**former, **gone}


def without_excluded(document: bytes, excluded: Excluded | None) -> bytes:
    """Take what is excluded now out of a document that may have been stored before it was.

    Raises DecodeError, UnicodeDecodeError or RecursionError where it cannot be read.
    """
    record = decoded(document) if excluded is not None else None
    is_stripped = excluded is not None and isinstance(record, dict) and excluded.strip(record)
    return json_text(record).encode() if is_stripped else document


def _is_same(value: msgspec.Raw, other: msgspec.Raw) -> bool:
    return value == other or canonical(decoded(bytes(value))) == canonical(decoded(bytes(other)))
