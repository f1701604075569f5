"""Looking rows up by many keys at once: one parameter and one statement text, however many they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY


def is_listed(connection: Connection, column: ColumnElement[Any], keys: Iterable[str]) -> ColumnElement[bool]:
    """Whether a text column has one of these keys. A list of parameters would be a new text each time."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(json.dumps(list(keys))).table_valued("value", name="listed")
        return column.in_(select(listed.c.value))
    return column == any_(bindparam(None, list(keys), ARRAY(Text)))
