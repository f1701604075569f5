"""docs/workers.md: its configuration loads, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from syncer.cli import group
from syncer.config.loading import load_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "workers.md").read_text(encoding="utf-8")


def test_the_configuration_of_the_page_loads(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    ports = []
    for configuration in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL):
        config.write_text(f'[database]\nurl = "postgresql://me@here/mirror"\n{configuration}')
        settings = load_settings(config, {}, tmp_path / "none")
        assert settings.queue_schema == "procrastinate"
        ports.append(settings.workers.port)
    assert ports == [None, 8485]


def test_commands_options_and_files_of_the_page_are_there() -> None:
    assert set(re.findall(r"`?syncer ([a-z]+)", PAGE)) <= group.commands.keys()
    worker = {option for each in group.commands["worker"].params for option in each.opts}
    assert {"--concurrency", "--environment"} <= worker
    for file in re.findall(r"`(deploy/[\w./-]+)`", PAGE):
        assert (ROOT / file).is_file()
