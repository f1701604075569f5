"""Names of the mirror that resemble one which a query has misspelt."""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncer.domain.suggestions import did_you_mean
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import live_name

_TABLE = re.compile(r"no such table: (?:main\.)?(\w+)|relation \"([\w.]+)\" does not exist")
_COLUMN = re.compile(r"no such column: ([\w.]+)|column \"?([\w.]+)\"? does not exist")


def near_name(words: str, sql: str) -> str:
    """Suggest names for the one that the database does not know; empty where none is near.

    words: what the database says. The columns are those of the tables and views that the statement names.
    """
    columns = _columns()
    if missing := _TABLE.search(words):
        hint = did_you_mean(_last(missing), columns, cutoff=0.7)
    elif missing := _COLUMN.search(words):
        named = set(re.findall(r"\w+", sql.lower()))
        known = {column: None for table in columns if table in named for column in columns[table]}
        hint = did_you_mean(_last(missing), known, cutoff=0.7)
    else:
        return ""
    return f"{'' if words.endswith('.') else '.'}{hint}" if hint else ""


def _last(missing: re.Match[str]) -> str:
    """Give the name without what it is qualified by."""
    return (missing[1] or missing[2]).rpartition(".")[2]


def _columns() -> Mapping[str, tuple[str, ...]]:
    """Give the columns of every table and view that is there to be asked."""
    tables = {name: tuple(table.columns.keys()) for name, table in MIRROR.items()}
    live = {live_name(name): columns for name, columns in tables.items()}
    return tables | live | {view.name: tuple(each.name for each in view.columns()) for view in STATE_VIEWS}
