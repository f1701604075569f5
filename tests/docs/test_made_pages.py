"""Pages that are made of the code: each is what the code says today, whole."""

from __future__ import annotations

import re

import click
import pytest

from documents.commands import CALLED, commands
from documents.configuration import tables, variable
from documents.made import DOCS, MADE
from syncer.config.keys import is_setting, setting_keys, table_of
from syncer.config.sources import PREFIX


@pytest.mark.parametrize("name", MADE)
def test_the_page_is_what_make_docs_writes(name: str) -> None:
    stale = f"docs/{name} is not what the code says now: run `make docs`"
    assert (DOCS / name).read_text(encoding="utf-8") == MADE[name](), stale


def test_the_configuration_page_has_every_setting_and_its_variable_is_read() -> None:
    told = {
        f"{table.key}.{field.alias or name}": variable(table, field.alias or name)
        for table in tables()
        for name, field in table.model.model_fields.items()
        if table_of(field) is None
    }
    # The keys of paging are those of its styles, which docs/passthrough.md tells.
    keys = {key.removesuffix(".NAME") for key in setting_keys() if not key.startswith("passthrough.page.")}
    assert {*told} == keys
    for name in filter(None, told.values()):
        assert is_setting(tuple(name.removeprefix(PREFIX).lower().split("__"))), name


def test_every_setting_says_what_it_does() -> None:
    silent = [
        f"{table.key}.{name}"
        for table in tables()
        for name, field in table.model.model_fields.items()
        if table_of(field) is None and not field.description
    ]
    assert silent == []


def test_the_commands_page_has_every_command_and_option() -> None:
    page = MADE["commands.md"]()
    sections = dict(re.findall(r"^#{2,3} (syncer[^\n]*)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    assert [*sections] == [context.command_path for _, context in commands()]
    for each, context in commands():
        command = CALLED.get(each, each)
        options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
        shown = " ".join(re.findall(r"^\| `(.*?)` \|", sections[context.command_path], re.MULTILINE))
        assert [name for each in options for name in each.opts if name not in shown] == []
