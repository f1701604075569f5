"""Traces of erased records: keyed hashes of their ids, by which they are known when they come again. Pure.

Nothing else is kept of them. Without the key nobody can try ids until one fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from hashlib import blake2b

from msgspec import Struct

from syncer.domain.catalogue.lookup import catalogue

#: Bytes of a trace, and of the key that it is made with.
TRACE_BYTES = 16
KEY_BYTES = 32


class Kind(StrEnum):
    """Kind of the value of which a trace is made.

    ID: Kombo's id of a record. OWNER: the same, of one with which all is erased that is about it. ANYWHERE:
    the same, looked for where nobody describes what an object is. REMOTE_ID, REMOTE_OWNER: as ID and OWNER,
    by the tool's id. KEY: key of a record of a native list. PARENT: value for which a native list was asked.
    """

    ID = "id"
    OWNER = "owner"
    ANYWHERE = "anywhere"
    REMOTE_ID = "remote_id"
    REMOTE_OWNER = "remote_owner"
    KEY = "key"
    PARENT = "parent"


class ErasedRecord(Struct, frozen=True):
    """A record that is erased, or kept out before it came.

    table: name of its model or native list. id: Kombo's, or its key in a native list; None where only the
    tool's is known. remote_id: the tool's; None where it tells nothing, or may be another record's, too.
    parents: native lists that are asked for this record alone, each with the value. is_leaf: it was erased
    for what it is about, and nothing can be about it.
    """

    table: str
    integration_id: str
    id: str | None
    remote_id: str | None = None
    parents: tuple[tuple[str, str], ...] = ()
    is_leaf: bool = False


def trace(key: bytes, kind: Kind, scope: str, value: str) -> bytes:
    """Make the trace of a value in its scope."""
    named = "\0".join((kind.value, scope, value))
    return blake2b(named.encode(errors="surrogatepass"), key=key, digest_size=TRACE_BYTES).digest()


def list_scope(integration_id: str, table: str) -> str:
    """Name the scope of values that are unique within a list of one integration."""
    return f"{integration_id}\0{table}"


def family(table: str) -> str:
    """Name the scope of ids where nobody says which table they are of."""
    return table.partition("_")[0]


def traces_of(key: bytes, record: ErasedRecord, *, with_owned: bool) -> set[bytes]:
    """Make all traces of an erased record. with_owned: what is about it is erased, now and later."""
    return {trace(key, *each) for each in _values(record, with_owned)}


def _values(record: ErasedRecord, with_owned: bool) -> Iterator[tuple[Kind, str, str]]:
    in_list = list_scope(record.integration_id, record.table)
    if record.id is not None:
        if record.table in catalogue():
            yield Kind.ID, record.table, record.id
            if not record.is_leaf:
                yield Kind.ANYWHERE, family(record.table), record.id
            if with_owned and not record.is_leaf:
                yield Kind.OWNER, record.table, record.id
        else:
            yield Kind.KEY, in_list, record.id
    if record.remote_id is not None:
        yield Kind.REMOTE_ID, in_list, record.remote_id
        if with_owned:
            yield Kind.REMOTE_OWNER, in_list, record.remote_id
    for name, value in record.parents if with_owned else ():
        yield Kind.PARENT, list_scope(record.integration_id, name), value
