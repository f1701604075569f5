"""Taking of what is erased out of JSON texts: documents, and records that cannot be rows. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.erasure.erased import Erased
from syncer.domain.records.record import Poison, Record, ascii_json, decoded, hashed, plain_float, withheld
from syncer.domain.records.values import json_text

_QUOTED = re.compile(r'"([^"\\]{1,255})"')


class Cleaned(NamedTuple):
    """A JSON text without what is erased. receipt: of the erasure of the whole of it; None: it stays.

    content_hash: of what is left; None where nothing was taken out. members: names of those that have lost
    something.
    """

    text: bytes
    content_hash: bytes | None = None
    members: frozenset[str] = frozenset()
    receipt: str | None = None


def clean_text(erased: Erased, table: str, integration_id: str | None, text: bytes) -> Cleaned:
    """Take what is erased out of the JSON text of a record of the table; one that is no object stays."""
    if not erased:
        return Cleaned(text)
    try:
        record: Any = decoded(text)
        if not isinstance(record, dict):
            return Cleaned(text)
        receipt, changed = erased.forget(table, integration_id, record)
        if not changed:
            return Cleaned(text, receipt=receipt)
        return Cleaned(json_text(record).encode(), hashed(record), changed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # It is no row; as what it is kept, that is cleaned.
        return Cleaned(text)


def clean_record(erased: Erased, table: str, integration_id: str, record: Record) -> Record | str:
    """Take what is erased out of a record as it came; give the receipt of one that is erased itself."""
    if table not in catalogue():
        return erased.receipt_of_native(table, integration_id, record.id, record.parent) or record
    cleaned = clean_text(erased, table, integration_id, record.text)
    if cleaned.receipt is not None:
        return cleaned.receipt
    if cleaned.content_hash is None:
        return record
    return record._replace(text=cleaned.text, content_hash=cleaned.content_hash)


def clean_poison(erased: Erased, table: str, integration_id: str, poison: Poison) -> Poison | str:
    """Take what is erased out of a record that cannot be a row; give the receipt of one that is erased.

    Of one that cannot be read, and has the id of something erased in it, only a hash stays.
    """
    if not erased:
        return poison
    if table not in catalogue():
        of_key = poison.id and erased.receipt_of_native(table, integration_id, poison.id, None)
        return of_key or poison
    if poison.id is not None:
        receipt = erased.receipt_of(table, integration_id, {"id": poison.id})
        if receipt is not None:
            return receipt
    document = clean_document(erased, table, integration_id, poison.document)
    return document.receipt or replace(poison, document=document.text.decode())


def clean_document(erased: Erased, table: str, integration_id: str, document: str) -> Cleaned:
    """Take what is erased out of the document of a record that cannot be a row: ASCII JSON, as it came."""
    raw = document.encode()
    try:
        record = json.loads(document, strict=False, parse_float=plain_float)
        if isinstance(record, dict):
            receipt, changed = erased.forget(table, integration_id, record)
            text = ascii_json(json.dumps(record)).encode() if changed else raw
            return Cleaned(text, members=changed, receipt=receipt)
    except (ValueError, RecursionError):
        pass
    if any(erased.is_in(table, each) for each in _QUOTED.findall(document)):
        return Cleaned(withheld(raw).encode())
    return Cleaned(raw)
