"""Copies of the mirror's tables, taken on the way, which its history must be able to give again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import tables_of
from syncer.store.db.types import timestamp_text
from syncer.store.schema.history_tables import history_table
from syncer.store.schema.mirror_tables import MIRROR

#: Rows of each table, by key.
Rows = Mapping[str, Mapping[tuple[Any, ...], str]]


class Copies:
    """Copies of the tables of these models, each with the moment at which it was taken."""

    def __init__(self, models: Sequence[str]) -> None:
        self._tables = [table for model in models for table in tables_of(catalogue()[model])]
        self._taken: list[tuple[Any, Rows]] = []

    def take(self, connection: Connection, now: datetime) -> None:
        """Take a copy; what has been written was so at least two milliseconds ago."""
        rows = {name: self._rows(connection, name, "", ()) for name in self._tables}
        if not self._taken or rows != self._taken[-1][1]:
            self._taken.append((now - timedelta(milliseconds=1), rows))

    def assert_given_again(self, connection: Connection) -> None:
        """Fail unless the mirror as of each of these moments equals the copy.

        Of a record that Kombo has blanked since then, only that it was there.
        """
        is_sqlite = connection.dialect.name == "sqlite"
        blanked = self._blanked(connection)
        for moment, copy in self._taken:
            at = timestamp_text(moment) if is_sqlite else moment
            mark = "?" if is_sqlite else "%s"
            known = f" WHERE known_from <= {mark} AND (known_to > {mark} OR known_to IS NULL)"
            for name in self._tables:
                then = self._rows(connection, name, known, (at, at))
                assert self._without(then, blanked) == self._without(copy[name], blanked), (name, moment)
                if MIRROR[name].primary_key.columns.keys() == ["id"]:
                    assert then.keys() == copy[name].keys()

    def _rows(
        self, connection: Connection, name: str, where: str, parameters: tuple[Any, ...]
    ) -> Mapping[tuple[Any, ...], str]:
        table = MIRROR[name]
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        source = history_table(name).name if where else name
        found = connection.exec_driver_sql(f"SELECT {names} FROM {source}{where}", parameters)
        places = [list(table.columns).index(column) for column in table.primary_key]
        return {tuple(row[place] for place in places): repr(tuple(row)) for row in found}

    def _blanked(self, connection: Connection) -> set[str]:
        blanked = set()
        for name in self._tables:
            if MIRROR[name].primary_key.columns.keys() == ["id"]:
                source = history_table(name).name
                for record_id, document in connection.exec_driver_sql(f"SELECT id, document FROM {source}"):
                    members = json.loads(document) if isinstance(document, str) else document
                    if members.keys() == {"id", "remote_id"}:
                        blanked.add(record_id)
        return blanked

    @staticmethod
    def _without(rows: Mapping[tuple[Any, ...], str], ids: set[str]) -> Mapping[tuple[Any, ...], str]:
        return {key: row for key, row in rows.items() if key[0] not in ids}
