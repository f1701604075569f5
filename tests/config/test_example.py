"""The example configuration: complete, and loadable."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from documents.configuration import tables
from syncer.config.keys import setting_keys, table_of
from syncer.config.sections import Database
from syncer.config.settings import Settings
from tests.config.loads import Load
from tests.support.receivers import SECRET

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
#: The example with what it only suggests.
SUGGESTED = re.sub(r"^# (?=\[|\w+ = )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def keys_in(given: Any, keys: set[str], before: str = "") -> Iterator[str]:
    """The settings that a table names; NAME stands for a name that the user puts there."""
    for each in given if isinstance(given, list) else [given]:
        for name, value in each.items():
            key = next(
                (
                    key
                    for key in (f"{before}{name}", f"{before}NAME")
                    if any(f"{known}.".startswith(f"{key}.") for known in keys)
                ),
                f"{before}{name}",
            )
            if key in keys:
                yield key
            else:
                assert isinstance(value, dict | list), f"{key} is no setting"
                yield from keys_in(value, keys, f"{key}.")


def test_the_example_loads_and_shows_the_defaults(load: Load) -> None:
    # Relative paths start at the folder of the file.
    located = SecretStr(f"sqlite:///{Path.cwd()}/kombo.db")
    assert load(EXAMPLE.read_text()) == Settings(database=Database(url=located))


def test_the_example_names_every_setting() -> None:
    keys = {re.sub(r"(\.NAME)+$", "", key) for key in setting_keys()}
    assert set(keys_in(tomllib.loads(SUGGESTED), keys)) == keys


def test_the_example_says_of_a_setting_what_the_setting_says_of_itself() -> None:
    said = " ".join(line.lstrip("# ") for line in EXAMPLE.read_text(encoding="utf-8").splitlines())
    described = {
        f"{table.key}.{name}": (field.description or "none").removesuffix(".")
        for table in tables()
        # Tables in a list are explained by examples there.
        if not table.key.startswith(("passthrough.", "lists."))
        for name, field in table.model.model_fields.items()
        if table_of(field) is None
    }
    assert {key: text for key, text in described.items() if text not in said} == {}


def test_what_the_example_only_suggests_loads_too(load: Load) -> None:
    text = SUGGESTED
    files = "secret_files", "secret_file", "url_file", "webhook_secret_files"
    # There are no schemas on SQLite.
    for key in ("schema", "api_key_file", "token_file", *files):
        text = re.sub(rf"^{key} = .*$", "", text, flags=re.MULTILINE)
    # Its secret is none, and its feed, off by default, has nothing to deliver.
    text = text.replace("whsec_…", SECRET)
    text = re.sub(r"(?<=\[changes\]\n)(#.*\n)*models = .*", 'models = ["*"]', text)
    settings = load(text)
    assert settings.integrations[0].models == ("hris_*",)
    assert settings.sync.for_model("hris_timesheets").filters == {"started_after": "2026-01-01T00:00:00Z"}
    assert [each.name for each in settings.added_lists] == ["hris_shifts"]
    assert [each.name for each in settings.native_lists] == [
        "hibob_work_history",
        "hibob_work_entries",
        "workday_workers",
        "hibob_people",
    ]
