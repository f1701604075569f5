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


def in_parameter(column: ColumnElement[Any], name: str, *, sqlite: bool) -> ColumnElement[bool]:
    """Make the same condition with a parameter of that name, for a statement that is made once."""
    if sqlite:
        given = func.json_each(bindparam(name, type_=Text)).table_valued("value", name=f"given_{name}")
        return column.in_(select(given.c.value))
    from sqlalchemy.dialects.postgresql import ARRAY

    return column == any_(bindparam(name, type_=ARRAY(Text)))


def parameter_values(values: Iterable[str], *, sqlite: bool) -> Any:
    """Give the value of such a parameter."""
    return json.dumps(list(values)) if sqlite else list(values)
