"""One JSON object of the API -> a record, or the reason why it cannot be one.

The record is kept whole (``document``, exactly as received). What is excluded from the mirror leaves it here,
before anything else looks at it. One that no database can hold becomes ``Poison``.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from hashlib import blake2b
from math import isfinite
from typing import Any, NamedTuple, TypeGuard

import msgspec
from msgspec import Struct

from syncer.domain.limits import MOST_RECORD_BYTES, in_mib
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.pseudonyms import Pseudonyms
from syncer.domain.records.values import Unfit, json_text

#: Bytes of a content hash: a false "unchanged" has a chance of 2^-64 among 2^32 versions of a row.
HASH_BYTES = 16
#: Characters of an id: Kombo's have 24, and databases do not index text of any length.
ID_LENGTH = 255
#: Reason of a record whose id belongs to another integration: one word, for queries.
ID_TAKEN = "id_taken"
#: Digits of a fraction, and powers of ten: more are no data, and PostgreSQL's JSONB refuses them.
NUMBER_DIGITS = 1000

_NOT_ASCII = re.compile(r"[^\x01-\x7f]+")


def _exact(text: str) -> Decimal:
    """Parse a JSON number with a fraction or an exponent; raises ValueError if it is too long."""
    try:
        value = Decimal(text)
        if len(text) <= NUMBER_DIGITS and abs(value.adjusted()) <= NUMBER_DIGITS:
            return value
    except ArithmeticError:
        pass
    raise ValueError(f"a number of more than {NUMBER_DIGITS} digits")


_decoder = msgspec.json.Decoder(float_hook=_exact)
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted")

Values = dict[str, Any]


class _Head(msgspec.Struct, gc=False):
    """Members needed of a record that has not changed. The decoder skips the rest, which is quick."""

    id: str
    remote_id: Any = None


_head = msgspec.json.Decoder(_Head)


class Record(NamedTuple):
    """A record, read as far as tells whether it has changed; text: its JSON, without what is excluded.

    content_hash: of the text or, where something was taken out of it, of its members. parent: the value of
    the row for which a tool was asked for it; None where it was asked once for all.
    """

    id: str
    remote_id: str | None
    content_hash: bytes
    text: bytes
    parent: str | None = None


class Poison(Struct, frozen=True):
    """A record that cannot be a row; document is ASCII JSON text that any database holds.

    Where members are excluded and cannot be found in what came, or it is too large, the document is only a
    hash of it.
    """

    id: str | None
    reason: str
    document: str


def read_record(raw: bytes, excluded: Excluded | None = None) -> Record | Poison:
    """Read the record of a JSON text as it was received, or the reason why it cannot be a row.

    Of what is excluded neither knows anything; a record without any of it is kept as it came.
    """
    return too_large(raw, _id_of(raw)) if is_too_large(raw) else read_stored(raw, excluded)


def read_stored(raw: bytes, excluded: Excluded | None = None) -> Record | Poison:
    """Read the record of a row's document: of any length, which databases change by their white space."""
    if excluded is None and b"\\u0000" not in raw:
        try:
            head = _head.decode(raw)
            if is_id(head.id):
                return Record(head.id, _text(head.remote_id), text_hash(raw), raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return _read_whole(raw, excluded)


def _read_whole(raw: bytes, excluded: Excluded | None) -> Record | Poison:
    try:
        record = decoded(raw)
        if not isinstance(record, dict):
            return poison(raw, "not an object", excluded)
        stripped = excluded is not None and excluded.strip(record)
        if not is_id(record.get("id")):
            return poison(raw, "no usable id", excluded)
        if b"\\u0000" in raw and has_nul(record):
            return poison(raw, "holds a NUL character", excluded)
        text = json_text(record).encode() if stripped else raw
        content_hash = hashed(record) if stripped else text_hash(raw)
        return Record(record["id"], _text(record.get("remote_id")), content_hash, text)
    except RecursionError:
        return poison(raw, "nested too deeply", excluded)
    except (msgspec.DecodeError, UnicodeDecodeError, Unfit) as error:
        return poison(raw, f"not readable: {error}", excluded)


def decoded(raw: bytes) -> Any:
    """Decode a JSON text, numbers exact. Raises DecodeError, UnicodeDecodeError, RecursionError."""
    return _decoder.decode(raw)


def hashed(value: Values) -> bytes:
    """Hash a value: the same for equal values, whatever the order of their members."""
    return text_hash(canonical(value))


def canonical(value: Any) -> bytes:
    """Encode a value as JSON: the same for equal values, whatever the order of their members."""
    return _canonical.encode(value)


def text_hash(text: bytes) -> bytes:
    """Hash a record's JSON text."""
    return blake2b(text, digest_size=HASH_BYTES).digest()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def is_id(value: Any) -> TypeGuard[str]:
    """True where it can be a row's key."""
    return isinstance(value, str) and 0 < len(value) <= ID_LENGTH


def has_nul(value: Any) -> bool:
    """True where any text in it, or name of a member, holds the character that no database takes."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(key) or has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(has_nul(item) for item in value)


def ascii_json(document: str) -> str:
    """JSON text with NUL and every non-ASCII character escaped: any database's text column holds it."""
    # Outside of strings JSON is ASCII; numbers stay as they are written, also those that no float can hold.
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], document)


def is_too_large(raw: bytes) -> bool:
    """True for a record that is larger than the mirror keeps."""
    return len(raw) > MOST_RECORD_BYTES


def too_large(raw: bytes, record_id: str | None) -> Poison:
    """Make the poison of a record that is too large; it is not read, and its document is withheld."""
    most = in_mib(MOST_RECORD_BYTES)
    reason = f"too large: it has {len(raw):,} bytes, and no more than {most} are kept"
    return Poison(record_id, reason, withheld(raw))


def _id_of(raw: bytes) -> str | None:
    """Read the id alone; None where there is none that a row could have."""
    try:
        record_id = _head.decode(raw).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record_id if is_id(record_id) and record_id.isprintable() else None


def poison(raw: bytes, reason: str, excluded: Excluded | None) -> Poison:
    """Make a poison record of a JSON text that cannot be a row for this reason."""
    # Bytes that are no UTF-8 become lone surrogates, which tell the bytes.
    text = raw.decode(errors="surrogateescape")
    try:
        # Lenient, unlike the decoder that refused it: only the id is looked for.
        record = json.loads(text, strict=False, parse_int=float)
    except (ValueError, RecursionError):
        record = None
    candidate = record.get("id") if isinstance(record, dict) else None
    usable = is_id(candidate) and candidate.isprintable()
    document = ascii_json(text) if excluded is None else _without(text, raw, excluded)
    return Poison(candidate if usable else None, reason, document)


def _without(text: str, raw: bytes, excluded: Excluded) -> str:
    """Remove what may not be kept of a record that cannot be a row."""
    try:
        record = json.loads(text, strict=False, parse_float=plain_float)
        if isinstance(record, dict):
            return json.dumps(record) if excluded.strip(record) else ascii_json(text)
    except (ValueError, RecursionError):
        pass
    return withheld(raw, excluded.pseudonyms)


def withheld(raw: bytes, pseudonyms: Pseudonyms | None = None) -> str:
    """Write what is kept in place of a record: a hash, with the key where there is one.

    A record that is a mere value would be found by trying values.
    """
    digest = text_hash(raw).hex()
    return json.dumps({"withheld": digest if pseudonyms is None else pseudonyms.replace(digest)})


def plain_float(text: str) -> float | str:
    """Read a JSON number with a fraction or an exponent; as text where no float can hold it."""
    value = float(text)
    return value if isfinite(value) else text
