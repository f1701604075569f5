"""docs/operations.md: its commands are executed, and its tables name every state and every alert."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from syncer.domain.streams.state import StreamState
from syncer.http_client.proxy import find_proxy
from syncer.simulator.clock import SimClock
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.serve import running_in_thread
from tests.support.mirror import Mirror
from tests.support.source import MODELS, Source, make_environment

if TYPE_CHECKING:
    from tests.docs.conftest import Typed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


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


def test_the_proxy_of_the_page_is_used_and_its_exceptions_are_not() -> None:
    [block] = commands(section("Proxies"))
    environ = dict(line.removeprefix("export ").split("=", 1) for line in block.splitlines())
    proxy = find_proxy("https://api.kombo.dev/v1", environ)
    assert proxy is not None
    assert (proxy.host, proxy.auth) == ("proxy.example.com:3128", ("corp", "pass#word"))
    for direct in ("https://localhost", "https://hooks.example.com", "https://10.1.2.3", "https://[fd00::1]"):
        assert find_proxy(direct, environ) is None


@pytest.mark.tool("sqlite3")
def test_a_mirror_is_made_backed_up_restored_and_moved_by_the_commands_of_the_page(
    typed: Typed, tmp_path: Path, own_server_url: str
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

        on_postgresql = {**settings, "SYNCER_DATABASE__URL": own_server_url}
        assert "complete" in typed(move, on_postgresql)
        Mirror(own_server_url).assert_equals_source(environment)
        company.delete("hris_groups", group_id)
        typed(dump, settings)
        Mirror(own_server_url).assert_equals_source(environment)

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
            f"{own_server_url}{'&' if '?' in own_server_url else '?'}options=-csearch_path%3Dkombo"
        )
        in_schema.assert_equals_source(other)
