"""Write many new rows of one table on PostgreSQL by COPY, which takes the server a third less than INSERT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, time
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Connection, Date, Engine, Table, Text, Time, event, func, literal, select

from syncer.store.db.by_column import Encoders, Values, filled_columns
from syncer.store.db.types import Hash, Json, Number, Timestamp, timestamp_text

#: Execution option of a statement whose one parameter is an iterable of the rows to copy.
COPIES = "syncer_copies"
#: What a connection knows of each table: whether rows can be copied into it.
_CAN_COPY = "syncer_can_copy"


def can_copy(connection: Connection, table: Table) -> bool:
    """Tell whether rows can be copied into the table: not on SQLite, nor where policies are for us, too."""
    if connection.dialect.name != "postgresql":
        return False
    # Asked once for each connection: where policies come to be for us later, a COPY is refused, and the
    # connection is given up.
    known: dict[str, bool] = connection.info.setdefault(_CAN_COPY, {})
    if table.name not in known:
        known[table.name] = not connection.execute(_policies_hold(table)).scalar_one()
    return known[table.name]


def copy_in(connection: Connection, table: Table, rows: Sequence[Values]) -> int:
    """Copy rows whose keys are not there into the table; absent columns are null. Give how many."""
    names, values = filled_columns(table, rows, _encoders(table))
    columns = ", ".join(f'"{name}"' for name in names)
    return connection.exec_driver_sql(
        f'COPY "{table.name}" ({columns}) FROM STDIN',
        (values,),
        execution_options={COPIES: True},
    ).rowcount


def let_copy(engine: Engine) -> None:
    """Have the engine execute statements that copy."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        if not context.execution_options.get(COPIES):
            return False
        (rows,) = parameters
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return True


@cache
def _encoders(table: Table) -> Encoders:
    """Give what makes texts of the values of those columns that have others."""
    encoders: dict[type, Callable[[Any], str]] = {
        Boolean: lambda value: "t" if value else "f",
        Hash: bytes.hex,
        Timestamp: timestamp_text,
        Number: Decimal.__str__,
        Date: date.isoformat,
        Time: time.isoformat,
    }
    return {
        column.name: encoders.get(type(column.type), str)
        for column in table.columns
        if not isinstance(column.type, Text | Json)
    }


@cache
def _policies_hold(table: Table) -> Any:
    return select(func.row_security_active(literal(f'"{table.name}"', Text)))
