"""Parts of a ``[[passthrough]]``: its request, the rows it is for, its columns.

Every check raises ValueError with what is expected; the words complete a sentence that begins with the
setting's key.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from syncer.config.section import Section
from syncer.domain.catalogue.model import ColumnType
from syncer.domain.catalogue.tables import parameter_columns
from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call, check_parts
from syncer.domain.native.jmespath import check_expression
from syncer.domain.native.marks import check_param
from syncer.domain.suggestions import did_you_mean

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,47}")
#: Columns that the view of a native list has of its own.
_OWN_COLUMNS = frozenset(
    {
        "deleted_by",
        "document",
        "first_seen_at",
        "id",
        "integration_id",
        "last_seen_at",
        "mirrored_at",
        "parent",
        "record_key",
        "remote_deleted_at",
        "resource",
    }
)


def identifier(value: str) -> str:
    """Check a name: no quotes in SQL, and room for the endings of views. Raises ValueError."""
    if _IDENTIFIER.fullmatch(value) is None:
        raise ValueError("should be at most 48 small letters, digits and underscores, a letter first")
    return value


def expression(value: str) -> str:
    """Check a JMESPath expression. Raises ValueError."""
    check_expression(value)
    return value


def _sent(value: object) -> str:
    """Write a text, number or boolean as it is sent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise ValueError("should be a text, a number or a boolean")
    return str(value)


def _param(value: str) -> str:
    check_param(value)
    return value


def _check(call: Call) -> None:
    try:
        check_parts(call)
    except UsageError as error:
        raise ValueError(str(error)) from None


Identifier = Annotated[str, AfterValidator(identifier)]
Expression = Annotated[str, AfterValidator(expression)]
Sent = Annotated[str, BeforeValidator(_sent)]
Param = Annotated[str, AfterValidator(_param)]


class RequestTable(Section):
    """Request of a native list; whatever its method, it only lists."""

    method: Literal["GET", "POST"] = Field(default="GET", description="GET, or POST where a search is one.")
    path: str = Field(description="The path below the address of the tool's API.")
    params: dict[str, Sent] = Field(default={}, repr=False, description="Query parameters.")
    headers: dict[str, Sent] = Field(default={}, repr=False, description="Headers.")
    data: Any = Field(default=None, repr=False, description="The body of a POST: a table, a list or a text.")

    @field_validator("path")
    @classmethod
    def _can_be_sent(cls, path: str) -> str:
        _check(Call("tool/api", "GET", path))
        return path

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        _check(Call("tool/api", "GET", "/", headers=headers))
        return headers

    @field_validator("data")
    @classmethod
    def _is_json(cls, data: Any, info: ValidationInfo) -> Any:
        if info.data.get("method") == "GET":
            raise ValueError("cannot be sent with GET")
        if not isinstance(data, dict | list | str):
            raise ValueError("should be a table, a list or a text")
        try:
            json.dumps(data, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("holds what JSON does not have, such as a date: write it as a text") from None
        return data


class ForEachTable(Section):
    """Rows of the mirror that get a request each."""

    table: str = Field(description="The table of the mirror, or its `_live` view.")
    param: Param = Field(
        description="The name that stands as {param} in the request; where it stands nowhere, it is a query"
        " parameter."
    )
    column: str | None = Field(
        default=None,
        validate_default=True,
        description="The column whose value is sent; `param` names it where the line is missing.",
    )
    skip: tuple[Annotated[int, Field(ge=204, lt=500)], ...] = Field(
        default=(), description="Statuses by which the tool says that it has nothing for a row."
    )

    @field_validator("table")
    @classmethod
    def _has_integrations(cls, table: str) -> str:
        if table not in parameter_columns():
            hint = did_you_mean(table, parameter_columns())
            raise ValueError(f"is no table of the mirror whose rows can be asked for: {table!r}.{hint}")
        return table

    @field_validator("column")
    @classmethod
    def _is_a_column(cls, column: str | None, info: ValidationInfo) -> str | None:
        name, table = column or info.data.get("param"), info.data.get("table")
        if table is not None and name is not None and name not in parameter_columns()[table]:
            hint = did_you_mean(name, parameter_columns()[table])
            raise ValueError(f"should be a column of {table} with texts or integers: {name!r} is none.{hint}")
        return name

    @field_validator("skip")
    @classmethod
    def _tell_of_nothing(cls, skip: tuple[int, ...]) -> tuple[int, ...]:
        if wrong := [status for status in skip if 204 < status < 400 or status == 429]:
            raise ValueError(f"should be statuses that mean nothing is there, such as 404: {wrong[0]} is not")
        return skip


class ColumnTable(Section):
    """Typed column of the view; a text alone is its type."""

    type: ColumnType = Field(description="The type of its values.")
    path: Expression | None = Field(
        default=None,
        description="The way from the record to the value, as JMESPath, where that is not the name alone.",
    )

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, given: object) -> object:
        return {"type": given} if isinstance(given, str) else given


def _column_name(value: str) -> str:
    if value in _OWN_COLUMNS:
        raise ValueError("is a column that the view has anyway")
    return identifier(value)


ColumnName = Annotated[str, AfterValidator(_column_name)]
