"""Tables and views of the mirror by name, and the columns that parameters of native lists can take. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Column, Model

#: What the mirror has beside the tables of the catalogue.
_OWN = frozenset(
    {
        "mirror_changes",
        "mirror_changes_safe",
        "mirror_freshness",
        "mirror_history",
        "mirror_integrations",
        "passthrough_records",
    }
)
#: Beginnings of names that are ours or the database's.
_PREFIXES = ("sync_", "sqlite_", "pg_")
_SUFFIXES = ("", "_live", "_safe", "_live_safe")
#: And of the table with the versions of a mirror table's rows.
_HISTORY = "_history"


@cache
def parameter_columns() -> Mapping[str, frozenset[str]]:
    """List columns of text and whole numbers by table or ``_live`` view; where rows have an integration."""
    found: dict[str, frozenset[str]] = {}
    for model in catalogue().values():
        found[model.name] = found[f"{model.name}_live"] = _plain(model.columns)
        for child in model.children:
            own = () if child.owner is None else (child.owner,)
            found[child.table] = _plain(child.columns).union(own)
    return found


@cache
def table_models() -> Mapping[str, str]:
    """Map each table and ``_live`` view to the model whose records fill it."""
    found: dict[str, str] = {}
    for model in catalogue().values():
        found |= dict.fromkeys((model.name, f"{model.name}_live"), model.name)
        found |= {child.table: model.name for child in model.children}
    return found


@cache
def taken_names() -> frozenset[str]:
    """List the names of tables and views that are there, or may be."""
    tables = (table for model in catalogue().values() for table in tables_of(model))
    return _OWN.union(f"{table}{suffix}" for table in tables for suffix in (*_SUFFIXES, _HISTORY))


def is_taken(name: str) -> bool:
    """Tell whether a table or view of this mirror has the name, or could come to have it."""
    return name in taken_names() or name.startswith(_PREFIXES)


def views_of(name: str) -> tuple[str, ...]:
    """List the names that a table or view takes, with those of its views."""
    return tuple(f"{name}{suffix}" for suffix in _SUFFIXES)


def tables_of(model: Model) -> tuple[str, ...]:
    """List the tables of a model's records, links and children."""
    links, children = (link.table for link in model.links), (child.table for child in model.children)
    return (model.name, *links, *children)


def _plain(columns: tuple[Column, ...]) -> frozenset[str]:
    return frozenset(
        {"id", "remote_id", *(column.name for column in columns if column.type in ("text", "integer"))}
    )
