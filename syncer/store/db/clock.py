"""Clock of the database, which all hosts share, as part of any statement."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from syncer.store.db.types import Timestamp


class clock_time(GenericFunction[datetime]):
    """Moment at which the statement is run; another one in each statement of a transaction."""

    type = Timestamp()
    inherit_cache = True
    name = "clock_time"


@compiles(clock_time)
def _of_server(_element: clock_time, _compiler: SQLCompiler, **_options: object) -> str:
    return "clock_timestamp()"


@compiles(clock_time, "sqlite")
def _of_host(_element: clock_time, _compiler: SQLCompiler, **_options: object) -> str:
    return "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


def server_time(offset: timedelta) -> ColumnElement[datetime]:
    """Give PostgreSQL's clock, moved by so much, as part of a statement."""
    moment: ColumnElement[datetime] = func.clock_timestamp(type_=Timestamp)
    return moment + literal(offset) if offset else moment
