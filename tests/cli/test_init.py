"""Set-up of a mirror: what `syncer init` asks, tries and writes, and what `syncer config` shows of it."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server.serve import running_in_thread
from tests.support.source import API_KEY, Source, make_environment

if TYPE_CHECKING:
    from tests.support.command_line import Shell

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def source() -> Iterator[Source]:
    """One company; it is only read."""
    environment = make_environment()
    with running_in_thread(environment) as base_url:
        yield Source(environment, base_url)


@pytest.fixture
def given(source: Source) -> list[str]:
    """The options of a set-up that works, with the key from standard input."""
    return ["--key-file", "-", "--base-url", source.base_url, "--integration", source.integration]


def files(shell: Shell) -> dict[str, int]:
    """What is in the directory, with the mode of each."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in shell.directory.iterdir()}


def test_what_is_set_up_by_options_is_private_and_mirrors_at_once(
    shell: Shell, source: Source, given: list[str]
) -> None:
    ran = shell.run("init", *given, text=f"{API_KEY}\n")
    assert ran.code == 0, ran.err
    assert files(shell) == {"config.toml": 0o600, "kombo_api_key": 0o600, "kombo.db": 0o600}
    assert re.search(rf"{source.integration}: \w+ · .+ · ACTIVE · 35 models\n", ran.out)
    assert "\n  syncer backfill  " in ran.out
    text = (shell.directory / "config.toml").read_text()
    assert API_KEY not in text + ran.out + ran.err
    assert re.search(r"\n# \w+ · .+ · ACTIVE · 35 models\nid = ", text)
    assert shell.run("backfill", "--model", "hris_groups").code == 0
    shown = shell.run("config", SYNCER_SYNC__EVERY="1h", SYNCER_KOMBO__API_KEY=API_KEY)
    assert API_KEY not in shown.out
    assert re.search(r"sync\.every +\"1h\" +environment variable SYNCER_SYNC__EVERY\n", shown.out)
    assert re.search(rf"integrations\.0\.id +\"{source.integration}\" +config\.toml\n", shown.out)


def test_what_is_there_is_replaced_by_force_alone(shell: Shell, given: list[str]) -> None:
    (shell.directory / "config.toml").write_text("[sync]\n")
    ran = shell.run("init", *given, "--no-check", text=API_KEY)
    assert (ran.code, ran.err) == (2, "Error: config.toml is there already: --force replaces it.\n")
    assert shell.run("init", *given, "--no-check", "--force", text=API_KEY).code == 0
    (shell.directory / "config.toml").unlink()
    ran = shell.run("init", *given, "--no-check", text=API_KEY)
    assert (ran.code, ran.err) == (2, "Error: kombo_api_key is there already: --force replaces it.\n")


@pytest.mark.parametrize(
    ("changed", "key", "code", "words"),
    [
        ([], "wrong", 4, "The API key is not valid"),
        ([], "two words", 2, "kombo.api_key should be one word"),
        ([], " \n", 2, "There is no API key in standard input."),
        (["--key-file", "missing"], "", 2, "--key-file missing cannot be read: No such file"),
        (["--integration", "personio:nope"], API_KEY, 2, "does not know the integration personio:nope"),
        (
            ["--database", "mysql://here"],
            API_KEY,
            2,
            "database.url should be sqlite:///FILE or postgresql://",
        ),
        (["--database", "postgresql://x@127.0.0.1:1/y"], API_KEY, 3, "127.0.0.1"),
        (["--base-url", "http://127.0.0.1:1/v1"], API_KEY, 1, "No answer from 127.0.0.1:1"),
        (["--region", "eu"], API_KEY, 2, "--region and --base-url exclude each other"),
    ],
)
def test_what_does_not_work_is_named_and_nothing_is_written(
    shell: Shell, given: list[str], changed: list[str], key: str, code: int, words: str
) -> None:
    ran = shell.run("init", *given, *changed, text=key)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert files(shell).keys() <= {"kombo.db"}


def test_without_a_terminal_what_is_missing_is_named(shell: Shell) -> None:
    ran = shell.run("init")
    assert ran.code == 2
    assert "--key-file FILE" in ran.err
    assert "--integration ID" in ran.err
    assert files(shell) == {}


def test_on_a_terminal_it_asks_and_asks_again_where_something_is_refused(
    shell: Shell, source: Source
) -> None:
    ran = shell.on_terminal(
        "init",
        "--base-url",
        source.base_url,
        answers=[
            ("API key (it is not shown): ", "wrong"),
            ("[sqlite:///kombo.db]: ", "sqlite:///mirror.db"),
            ("none yet): ", "personio:nope"),
            ("API key (it is not shown): ", API_KEY),
            ("none yet): ", source.integration),
        ],
    )
    assert ran.code == 0, ran.out
    assert API_KEY not in ran.out
    assert files(shell) == {"config.toml": 0o600, "kombo_api_key": 0o600, "mirror.db": 0o600}
    assert (shell.directory / "kombo_api_key").read_text() == f"{API_KEY}\n"


def test_the_key_may_stay_where_it_is(shell: Shell, source: Source, given: list[str]) -> None:
    (shell.directory / "key").write_text(API_KEY)
    (shell.directory / "conf").mkdir()
    arguments = ["--key-file", "key", *given[2:], "--no-check", "--config", "conf/mirror.toml"]
    ran = shell.run("init", *arguments)
    assert (ran.code, ran.err) == (0, "")
    assert "\n  syncer --config conf/mirror.toml check " in ran.out
    assert 'api_key_file = "../key"' in (shell.directory / "conf" / "mirror.toml").read_text()
    assert shell.run("--config", "conf/mirror.toml", "config").code == 0
    (shell.directory / "other").mkdir()
    by_variable = [*given[2:], "--no-check", "--config", "other/mirror.toml"]
    assert shell.run("init", *by_variable, SYNCER_KOMBO__API_KEY=API_KEY).code == 0
    assert files(shell).keys() == {"key", "conf", "other"}
    assert [path.name for path in (shell.directory / "other").iterdir()] == ["mirror.toml"]


def test_the_example_is_printed_as_it_is(shell: Shell) -> None:
    assert shell.run("config", "--example").out == (ROOT / "config.example.toml").read_text()
