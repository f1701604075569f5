"""The page docs/configuration.md: every setting, from its field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from documents.prose import prose
from syncer.config.keys import table_of
from syncer.config.native_list_paging import PageTable
from syncer.config.settings import Settings
from syncer.config.sources import PREFIX
from syncer.config.written import Written
from syncer.domain.durations import format_duration
from syncer.domain.ratelimit.budget import Reserve
from syncer.schema_reference.markdown import table

HEAD = """\
<!-- Made by `make docs` from the settings: change the descriptions there, not here. -->

# Configuration

Every setting, with its default. `syncer init` writes a short file, `syncer config` shows what is set and
where it comes from, and `syncer config --example` prints a file with all settings, explained.

A value comes from the first of these that has one:

1. an environment variable, as the tables name it;
2. a file of that name in `/run/secrets`, as Docker and Kubernetes mount secrets;
3. the TOML file: `--config FILE`, else `$SYNCER_CONFIG`, else `config.toml` in the working directory.

A name that is no setting is an error in each of them. In a variable a list or a table is written as JSON
(`SYNCER_SYNC__MODELS='["hris_*"]'`), and so are all blocks of one kind together
(`SYNCER_INTEGRATIONS='[{"id": "personio:8d1hpPsbjxUkoCoa1veLZGe5"}]'`). An empty variable sets nothing.

- A **duration** is `"90s"`, `"15m"`, `"1h30m"`, `"7d"` or a number of seconds. A **cron expression** has five
  fields, in UTC.
- **Globs** are names with `*` and `?` in them, such as `"hris_*"`.
- A relative **path** starts at the folder of the file, wherever the program is started; `~` is your home.
- A **secret** is never shown, logged or stored in the mirror. `token` and `token_file` are one setting: give
  the secret, or a file that holds it.
- `NAME` is a name that you put there."""

#: Tables that a page describes better than this one: where.
ELSEWHERE = {PageTable: "[the styles of paging and their keys](passthrough.md#how-pages-follow-each-other)"}


@dataclass(frozen=True, slots=True)
class Table:
    """Table of the configuration. key: dotted. is_list: a file may have several of them."""

    key: str
    model: type[BaseModel]
    is_list: bool = False

    @property
    def title(self) -> str:
        """Write the table as it stands in the file."""
        return f"[[{self.key}]]" if self.is_list else f"[{self.key}]"

    @property
    def in_list(self) -> bool:
        """True where no variable leads to a single setting."""
        return self.is_list or self.key.startswith(("passthrough.", "lists."))


def page() -> str:
    """Write the whole page."""
    return "\n\n".join([HEAD, *(block for each in tables() for block in _section(each))]) + "\n"


def tables() -> Iterator[Table]:
    """List the tables of the configuration in the order of their definition."""
    for name, field in Settings.model_fields.items():
        yield from _tables_of(field.alias or name, field)


def variable(table: Table, name: str) -> str | None:
    """Name the environment variable of a setting; None: it is in a list of blocks, which is one value."""
    return None if table.in_list else PREFIX + f"{table.key}.{name}".replace(".", "__").upper()


def form(field: FieldInfo) -> str:
    """Describe what a setting takes."""
    return _form(field.annotation, field.metadata)


def _tables_of(key: str, field: FieldInfo) -> Iterator[Table]:
    model = table_of(field)
    if model is None or model in ELSEWHERE:
        return
    if get_origin(field.annotation) is dict:
        key += ".NAME"
    yield Table(key, model, get_origin(field.annotation) is tuple)
    for name, inner in model.model_fields.items():
        yield from _tables_of(f"{key}.{inner.alias or name}", inner)


def _section(of: Table) -> Iterator[str]:
    yield f"## {of.title}"
    yield prose((of.model.__doc__ or "").splitlines()[0])
    if of.is_list:
        yield f"A file may have several, `{of.title}` before each."
    rows = list(_rows(of))
    if of.in_list:
        yield table(("setting", "what it does", "takes", "default"), [row[:4] for row in rows])
    else:
        yield table(("setting", "what it does", "takes", "default", "variable"), rows)


def _rows(of: Table) -> Iterator[tuple[str, ...]]:
    order = [name.removesuffix("_file") for name in of.model.model_fields]

    def place(name: str) -> tuple[int, bool]:
        """Put a secret before the file that it may stand in."""
        return order.index(name.removesuffix("_file")), name.endswith("_file")

    for field_name in sorted(of.model.model_fields, key=place):
        field = of.model.model_fields[field_name]
        name = field.alias or field_name
        inner = table_of(field)
        if inner in ELSEWHERE:
            yield f"`{name}`", f"How it is paged: {ELSEWHERE[inner]}.", "table", "", ""
        elif inner is None:
            description = prose(field.description or "")
            yield f"`{name}`", description, form(field), _default(field), f"`{variable(of, name)}`"


def _form(kind: Any, metadata: list[Any]) -> str:
    written = next((each for each in metadata if isinstance(each, Written)), None)
    if hasattr(kind, "__metadata__"):
        return _form(kind.__origin__, [*metadata, *kind.__metadata__])
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        return written.form if written else f"list of {_form(item, [])}s"
    if written is not None:
        return written.form
    if get_origin(kind) is dict:
        return "table"
    if get_origin(kind) is Literal:
        return _one_of(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _one_of(tuple(kind))
    if args := [each for each in get_args(kind) if each is not type(None)]:
        return _form(args[0], [])
    return {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "any"}[kind]


def _one_of(values: tuple[str, ...]) -> str:
    *others, last = (f'`"{each}"`' for each in values)
    return f"{', '.join(others)} or {last}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    text = _as_toml(field.get_default(), field)
    return f"`{text}`" if text else ""


def _as_toml(value: Any, field: FieldInfo) -> str:
    match value:
        case None:
            word = re.search(r'or ("\w+")$', form(field))
            return word[1] if word else ""
        case SecretStr():
            return _as_toml(value.get_secret_value(), field)
        case timedelta():
            return f'"{format_duration(value)}"'
        case Reserve():
            return f'"{value.share:.0%}"'
        case tuple():
            return json.dumps(list(value))
        case _:
            return json.dumps(value) if value not in ("", {}) else ""
