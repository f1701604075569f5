"""Taking of what the mirror is not to hold out of records that Kombo has sent to an application. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.erasure.erased import Erased
from syncer.domain.records.exclude import Excluded
from syncer.domain.records.record import decoded, plain_float
from syncer.domain.records.values import Unfit, json_bytes
from syncer.domain.stream_key import StreamKey

Record = dict[str, Any]


class Unclean(ValueError):
    """Error of an answer that cannot be read, and so not cleaned; the message ends a sentence."""


class KeptOut(Struct, frozen=True):
    """Content that records of one list do not show: excluded members, and what is erased.

    key: the list, and the integration whose list it is. excluded: None where nothing is.
    """

    key: StreamKey
    excluded: Excluded | None
    erased: Erased

    def clean(self, text: bytes) -> bytes | None:
        """Take what is kept out of a record's JSON text; None where the record is erased itself.

        A record without any of it stays as it came, to the byte. Raises Unclean.
        """
        try:
            record, write = _read(text)
            return self._clean(record, write, text)
        except RecursionError:
            raise Unclean("a record is nested too deeply") from None
        except Unfit:
            raise Unclean("a record cannot be written again") from None

    def _clean(self, record: Any, write: Callable[[Record], bytes], text: bytes) -> bytes | None:
        if not isinstance(record, dict):
            raise Unclean("a record is no object")
        # Before the tool's id goes, by which it may be known.
        is_erased, has_changed = self._forget(record)
        if is_erased:
            return None
        if self.excluded is not None:
            has_changed |= self.excluded.strip(record)
        return write(record) if has_changed else text

    def _forget(self, record: Record) -> tuple[bool, bool]:
        """Take what is erased out of a record; tell whether it is erased itself, and whether it changed."""
        if self.key.model in catalogue():
            receipt, members = self.erased.forget(self.key.model, self.key.integration_id, record)
            return receipt is not None, bool(members)
        # Nobody describes the records of other lists: as in the mirror, they are known by their keys alone.
        record_id = record.get("id")
        if not isinstance(record_id, str):
            return False, False
        found = self.erased.receipt_of_native(self.key.model, self.key.integration_id, record_id, None)
        return found is not None, False


def _read(text: bytes) -> tuple[Any, Callable[[Record], bytes]]:
    """Read a JSON text; give with it how it is written again. Raises Unclean, RecursionError."""
    try:
        return decoded(text), json_bytes
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Halves of characters, or numbers that no database holds: an application may read them all the same.
        try:
            lenient = json.loads(text.decode(errors="surrogateescape"), strict=False, parse_float=plain_float)
        except ValueError:
            raise Unclean("a record is not JSON") from None
        return lenient, lambda record: json.dumps(record).encode()
