"""Conditions on many values at once: one parameter and one statement text, however many they are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, any_, bindparam, cast, func, select


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
    # As JSON, too: the driver looks at each text of an array to see whether it has to be quoted.
    from sqlalchemy.dialects.postgresql import JSONB

    texts = func.jsonb_array_elements_text(cast(bindparam(name, type_=Text), JSONB))
    return column == any_(func.array(select(texts).scalar_subquery()))


def parameter_values(values: Iterable[str]) -> str:
    """Give the value of such a parameter."""
    return json.dumps(list(values))
