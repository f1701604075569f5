"""Sources of dbt: every table and view with its columns, and how fresh each model is.

dbt asks ``mirror_freshness`` for the model's stream that is furthest behind, so that one integration that has
stopped is not hidden by the others. A model that no integration offers is as fresh as it can be; one that was
never complete is as old as can be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from syncer.schema_reference.formats.described import Described, heading
from syncer.schema_reference.tables import ColumnEntry
from syncer.store.schema.state_views import FRESHNESS

#: Hours after which a model is late, and stale.
WARN_AFTER, ERROR_AFTER = 6, 24
_HEAD = """\
version: 2

sources:
  - name: kombo
    description: What the Kombo API holds, as syncer mirrors it.
    # Where the mirror's tables are: the target's own schema unless the variable names another.
    schema: "{{ var('kombo_schema', target.schema) }}"
    tables:"""
_WORST = "min(coalesce(complete_as_of, timestamptz '1970-01-01 00:00:00+00'))"
_OFFERED = "state <> 'unavailable'"


def dbt_sources(tables: Mapping[str, Described]) -> str:
    """Write the file of sources, for dbt on PostgreSQL."""
    head = "\n".join(f"# {line}" for line in heading("dbt"))
    return "\n".join((head, _HEAD, *(line for each in tables.values() for line in _table(each)))) + "\n"


def _table(each: Described) -> Iterator[str]:
    yield f"      - name: {each.name}"
    yield f"        description: {_text(each.entry.meaning)}"
    query = _freshness(each)
    if query is not None:
        yield "        config:"
        yield f"          loaded_at_query: {_quoted(query)}"
        yield "          freshness:"
        for name, hours in (("warn_after", WARN_AFTER), ("error_after", ERROR_AFTER)):
            count = f"{{{{ var('kombo_{name}_hours', {hours}) | int }}}}"
            yield f"            {name}: {{count: {_quoted(count)}, period: hour}}"
    yield "        columns:"
    for column in each.columns:
        yield from _column(column)


def _column(column: ColumnEntry) -> Iterator[str]:
    yield f"          - name: {column.name}"
    yield f"            description: {_text(column.meaning)}"
    yield f"            data_type: {column.sql['postgresql'].lower()}"
    meta: dict[str, object] = {"is_sensitive": True} if column.is_sensitive else {}
    if column.references:
        meta["references"] = f"{column.references}.id"
    if meta:
        yield f"            config: {{meta: {json.dumps(meta)}}}"


def _freshness(each: Described) -> str | None:
    """Write the query for the time to which a model is complete; None for what is no model."""
    view = "{{ this.schema }}." + FRESHNESS
    if each.name == FRESHNESS:
        # Of all streams; where there is none, nothing is mirrored.
        worst = f"coalesce({_WORST}, timestamptz '1970-01-01 00:00:00+00')"
        return f"select {worst} from {view} where {_OFFERED}"
    model = _model(each)
    if model is None:
        return None
    return f"select coalesce({_WORST}, current_timestamp) from {view} where model = '{model}' and {_OFFERED}"


def _model(each: Described) -> str | None:
    """Name the model or native list whose rows these are."""
    if each.base is not None:
        return each.base.name
    if each.entry.kind == "mirror" or each.is_native:
        return each.name.removesuffix("_live")
    return None


def _text(text: str) -> str:
    """Write a meaning, in which dbt is to find nothing to evaluate."""
    return _quoted(text.replace("{{", "{ {").replace("{%", "{ %"))


def _quoted(text: str) -> str:
    # A text of JSON is one of YAML.
    return json.dumps(text, ensure_ascii=False)
