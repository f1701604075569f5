"""Erasures: their receipts, the traces of what is erased, and the version by which processes know these."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from syncer.domain.erasure.erased import Erased
from syncer.domain.erasure.receipt import Receipt
from syncer.store.db.bulk import upsert
from syncer.store.db.last_work import do_last
from syncer.store.db.types import decoded_json
from syncer.store.schema.erasure_tables import erased, erasure_key, erasures


def read_erased(connection: Connection) -> Erased:
    """Read all that is erased."""
    key = connection.execute(select(erasure_key.c.key).where(erasure_key.c.id == 1)).scalar_one_or_none()
    if key is None:
        return Erased()
    found = connection.execute(select(erased.c.trace, erased.c.receipt).order_by(erased.c.receipt))
    alone = connection.execute(select(erasures.c.receipt).where(erasures.c.alone)).scalars()
    receipts_of = {bytes(trace): receipt for trace, receipt in found.all()}
    return Erased(bytes.fromhex(key), receipts_of, frozenset(alone))


def trace_key(connection: Connection, new_key: bytes) -> bytes:
    """Read the key of the traces; the first time the new one becomes it. ``renew_version`` comes before."""
    of_row = erasure_key.c.id == 1
    first = update(erasure_key).where(of_row, erasure_key.c.key.is_(None))
    connection.execute(first.values(key=new_key.hex()))
    return bytes.fromhex(connection.execute(select(erasure_key.c.key).where(of_row)).scalar_one())


def renew_version(connection: Connection, version: str) -> None:
    """Let every process know that what it knows of erasures is out of date; version: never used before."""
    upsert(connection, erasure_key, [{"id": 1, "version": version}], keep=("key",))


def keep_traces(connection: Connection, receipt: str, traces: Collection[bytes]) -> None:
    """Keep traces of records that an erasure has erased. Call ``renew_version`` with it."""
    rows = [{"receipt": receipt, "trace": each} for each in sorted(traces)]
    upsert(connection, erased, rows, keep=("receipt", "trace"))


def add_traces(connection: Connection, late: Iterable[tuple[str, Collection[bytes]]], version: str) -> None:
    """Keep traces of records that came later, each with the receipt, as the transaction ends.

    All writers wait for the version's row.
    """
    found = False
    for receipt, traces in late:
        keep_traces(connection, receipt, traces)
        found = True
    if found:
        do_last(connection, _renew, [version])


def _renew(connection: Connection, versions: Sequence[str]) -> None:
    renew_version(connection, versions[-1])


def keep_receipt(connection: Connection, receipt: Receipt) -> None:
    """Keep the receipt of an erasure."""
    connection.execute(
        insert(erasures).values(
            receipt=receipt.id,
            at=receipt.at,
            environment=receipt.environment,
            integration_id=receipt.integration_id,
            model=receipt.model,
            alone=receipt.is_alone,
            reason=receipt.reason,
            erased=json.dumps(dict(receipt.erased)),
            mentioned=json.dumps(dict(receipt.mentioned)),
        )
    )


def receipts(connection: Connection, environments: Collection[str] = ()) -> list[Receipt]:
    """Read the receipts, of these environments alone if any are given, the latest first."""
    chosen = select(erasures).order_by(erasures.c.at.desc(), erasures.c.receipt)
    if environments:
        chosen = chosen.where(erasures.c.environment.in_(list(environments)))
    return [_receipt(row) for row in connection.execute(chosen)]


def find_receipt(connection: Connection, receipt: str) -> Receipt | None:
    """Read one receipt; None: there is none."""
    row = connection.execute(select(erasures).where(erasures.c.receipt == receipt)).one_or_none()
    return None if row is None else _receipt(row)


def has_unfinished(connection: Connection) -> bool:
    """Tell whether an erasure has not found all copies yet."""
    unfinished = select(erasures.c.receipt).where(erasures.c.finished_at.is_(None)).limit(1)
    return connection.execute(unfinished).first() is not None


def finish_erasures(connection: Connection, now: datetime) -> None:
    """Note that of no erasure a copy is left anywhere."""
    connection.execute(update(erasures).where(erasures.c.finished_at.is_(None)).values(finished_at=now))


def reopen_erasures(connection: Connection, receipts: Collection[str]) -> None:
    """Note that copies may be left of what these erasures have erased."""
    reopened = update(erasures).where(erasures.c.receipt.in_(list(receipts)))
    connection.execute(reopened.values(finished_at=None))


def forget_traces(connection: Connection, receipt: str, now: datetime) -> None:
    """Forget what an erasure has erased: it may be read again. Call ``renew_version`` with it."""
    connection.execute(delete(erased).where(erased.c.receipt == receipt))
    connection.execute(update(erasures).where(erasures.c.receipt == receipt).values(undone_at=now))


def _receipt(row: Any) -> Receipt:
    return Receipt(
        id=row.receipt,
        at=row.at,
        environment=row.environment,
        integration_id=row.integration_id,
        model=row.model,
        is_alone=row.alone,
        reason=row.reason,
        erased=decoded_json(row.erased),
        mentioned=decoded_json(row.mentioned),
        finished_at=row.finished_at,
        undone_at=row.undone_at,
    )
