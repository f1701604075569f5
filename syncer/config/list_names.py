"""Names of lists in the configuration: models of the catalogue, and the lists that it adds itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from syncer.domain.catalogue.lookup import model_named, select_names

#: Names of the added lists while the settings that may name them are validated.
_ADDED: ContextVar[tuple[str, ...]] = ContextVar("added lists", default=())


@contextmanager
def with_added_lists(given: object) -> Iterator[None]:
    """Let checks know the lists that the configuration adds; given: all of it, as it was written.

    Their names count although the lists may be faulty otherwise: that is told where they stand.
    """
    token = _ADDED.set(tuple(_names(given)))
    try:
        yield
    finally:
        _ADDED.reset(token)


def check_glob(glob: str) -> None:
    """Check that a glob fits a model or an added list. Raises UsageError."""
    select_names((glob,), _ADDED.get())


def check_name(name: str) -> None:
    """Check that it is the name of a model or of an added list. Raises UsageError."""
    if name not in _ADDED.get():
        model_named(name)


def _names(given: object) -> Iterator[str]:
    tables: Any = given.get("lists") if isinstance(given, dict) else ()
    for each in tables if isinstance(tables, list | tuple) else ():
        name = each.get("name") if isinstance(each, dict) else getattr(each, "name", None)
        if isinstance(name, str):
            yield name
