"""Lists that Kombo tells of and nobody here knows, with the lines of configuration that mirror them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.catalogue.names import suggested_lines, suggested_path
from syncer.store.state.unknown_models import read_unknown_models


def find_unknown_models(connection: Connection, app: App, environments: Iterable[str]) -> list[str]:
    """Name the lists that Kombo has told of lately in these environments. Raises DatabaseError."""
    now = app.database.now(connection)
    found = (read_unknown_models(connection, each, app.added_lists, now) for each in environments)
    return sorted({name for names in found for name in names})


def report_unknown_models(names: Iterable[str]) -> list[dict[str, Any]]:
    """Report these lists as plain values. configuration: lines of TOML, for a file that has others."""
    return [
        {"name": name, "path": suggested_path(name), "configuration": list(suggested_lines(name))}
        for name in names
    ]


def describe_unknown_models(names: Iterable[str]) -> str:
    """Describe such lists in a sentence, for people."""
    named = list(names)
    what, one = ("lists", "them") if len(named) > 1 else ("a list", "it")
    return (
        f"Kombo has {what} that this version does not know: {', '.join(named)}. A newer version may; "
        f"these lines of configuration mirror {one} now"
    )
