"""Conditions on many values at once: one parameter and one statement text, however many they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, any_, bindparam, func, select


def in_values(
    connection: Connection, column: ColumnElement[Any], values: Iterable[str]
) -> ColumnElement[bool]:
    """Make the condition that a text column has one of these values.

    SQL's IN, with a parameter for each, would be a new text each time.
    """
    if connection.dialect.name == "sqlite":
        given = func.json_each(json.dumps(list(values))).table_valued("value", name="given")
        return column.in_(select(given.c.value))
    from sqlalchemy.dialects.postgresql import ARRAY

    return column == any_(bindparam(None, list(values), ARRAY(Text)))
