"""Column types that behave alike on SQLite and PostgreSQL.

SQLite has no timestamps, decimals or JSON of its own. Timestamps are ISO text in UTC with six digits and
a trailing ``Z``: its date functions read it and it sorts by time. Decimals go in as text and are kept by its
NUMERIC affinity. JSON is text that its JSON functions read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Date, Dialect, LargeBinary, Text, Time, Uuid
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.types import TIMESTAMP, Numeric, TypeDecorator, TypeEngine, UserDefinedType

from syncer.domain.catalogue.model import ColumnType


class _Declared(UserDefinedType[Any]):
    """Type that is only a name in DDL: values pass as they are."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


class Timestamp(TypeDecorator[datetime]):
    """Moment; takes aware datetimes only and gives them back in UTC."""

    impl = TIMESTAMP
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(_Declared("TIMESTAMP") if sqlite else TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        shown = timestamp_text(value)
        return shown if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        # In place of `process_result_value`, which is called by way of two more functions: there are reports
        # of hundreds of thousands of moments.
        return _moment


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment: datetime = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


class LooseTimestamp(DATETIME):
    """Moment that is bound without a column that gives its type, on SQLite: the same text all the same."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        return lambda value: None if value is None else timestamp_text(value)


class Number(TypeDecorator[Decimal]):
    """Exact decimal; on SQLite as exact as its NUMERIC affinity: 15 significant digits."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(_Declared("NUMERIC") if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(str(value))


class Hash(TypeDecorator[bytes]):
    """Hash of 16 bytes: uuid on PostgreSQL, which every tool can read, and BLOB on SQLite."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(LargeBinary() if dialect.name == "sqlite" else Uuid())

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> Any:
        return value if value is None or dialect.name == "sqlite" else UUID(bytes=value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], bytes | None] | None:
        # As of a timestamp: each record of a page has one. SQLite's comes as it is.
        return None if dialect.name == "sqlite" else _hash_bytes


def _hash_bytes(value: Any) -> bytes | None:
    return value.bytes if isinstance(value, UUID) else value


class Json(TypeDecorator[str]):
    """JSON text: JSONB on PostgreSQL (which gives back decoded values), TEXT on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else _Declared("JSONB"))


SQL_TYPES: dict[ColumnType, type[TypeEngine[Any]]] = {
    "text": Text,
    "boolean": Boolean,
    "integer": BigInteger,
    "number": Number,
    "date": Date,
    "time": Time,
    "timestamp": Timestamp,
    "json": Json,
}


def decoded_json(value: Any) -> Any:
    """Decode a value of a JSON column; PostgreSQL's driver has done so already."""
    return json.loads(value) if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def timestamp_text(moment: datetime) -> str:
    """Format a moment as SQLite keeps it: of fixed width, so that text order is time order.

    Raises ValueError for a moment without a zone.
    """
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError(f"a timestamp without a zone: {moment!r}")
        moment = moment.astimezone(UTC)
    # Without +00:00.
    return moment.isoformat(timespec="microseconds")[:-6] + "Z"
