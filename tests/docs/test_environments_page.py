"""docs/environments.md: its configuration loads, its query runs, and its commands select an environment."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import text

from syncer.config.loading import load_settings
from syncer.store.db.database import Database
from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The page's only block in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_configuration_of_the_page_loads(tmp_path: Path) -> None:
    names = re.findall(r"/run/secrets/(\w+)", block("toml"))
    for name in names:
        (tmp_path / name).write_text(f"secret-in-{name}")
    config = tmp_path / "config.toml"
    config.write_text(block("toml").replace("/run/secrets/", f"{tmp_path}/"))
    settings = load_settings(config, {}, tmp_path / "none")
    assert settings.environment_names == ("default", "us")
    assert settings.of_environment("us").api_key() == "secret-in-kombo_us"
    assert settings.of_environment("us").webhooks.all_secrets == ("secret-in-kombo_us_webhook",)
    assert len(names) == 3


def test_the_query_of_the_page_runs(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(text(block("sql"))).all() == []


def test_the_commands_of_the_page_select_an_environment(shell: Shell) -> None:
    named = PAGE.partition("`--environment NAME` selects")[2].partition("\n\n")[0]
    for command in (
        *("sync", "backfill", "reconcile", "refresh", "status", "plan", "check", "changes", "passthrough"),
        "integrations list",
    ):
        assert f"`{command}`" in named
        assert "--environment NAME" in shell.run(*command.split(), "--help").out, command
    for command in ("quarantine list", "quarantine retry", "integrations add", "passthrough preview"):
        assert "--environment NAME" in shell.run(*command.split(), "--help").out, command
