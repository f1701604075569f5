"""Names of schemas of PostgreSQL that the mirror can live in. Pure."""

from __future__ import annotations

import re

from syncer.domain.errors import UsageError

#: What needs no quotes, and is short enough for what is named after it.
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,47}")


def schema_name(value: str) -> str:
    """Check the name of a schema. Raises UsageError."""
    if not _NAME.fullmatch(value):
        raise UsageError(
            f"{value!r} is no name for a schema: take up to 48 small letters, digits and _, no digit first."
        )
    if value.startswith("pg_") or value == "information_schema":
        raise UsageError(f"The schema {value!r} is PostgreSQL's own: take another name.")
    return value
