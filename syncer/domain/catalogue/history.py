"""Tables whose versions are kept: those of the models with a history, with their links and children. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import tables_of


def kept_tables(models: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """List, by model, the tables of which a write of its records keeps versions.

    models: those with a history. Others are among the keys where they share a table of children with one.
    """
    kept = {table for name in models for table in tables_of(catalogue()[name])}
    written = {
        name: tuple(table for table in tables_of(model) if table in kept)
        for name, model in catalogue().items()
    }
    return {name: tables for name, tables in written.items() if tables}
