"""What `syncer status` lists of a few streams and of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from syncer.domain.stream_key import StreamKey
from syncer.store.state.integrations import IntegrationStore
from syncer.store.state.streams import StreamStore
from tests.support.mirror import Mirror

if TYPE_CHECKING:
    from tests.support.command_line import Shell

MODELS = ("hris_employees", "hris_groups", "ats_jobs")
INTEGRATIONS = tuple(f"personio:{number:02}" for number in range(60))
FAILED = INTEGRATIONS[:30]


@pytest.fixture
def many(shell: Shell, migrated_url: str) -> Shell:
    """The command line on a mirror of 60 integrations, half of which have a failed stream."""
    with Mirror(migrated_url).open() as (_, connection):
        for each in INTEGRATIONS:
            IntegrationStore().add(connection, each, origin="command", models=None)
        StreamStore().add(connection, [StreamKey(each, model) for each in INTEGRATIONS for model in MODELS])
        connection.exec_driver_sql("UPDATE sync_streams SET state = 'complete', rows_live = 7")
        named = ", ".join(f"'{each}'" for each in FAILED)
        connection.exec_driver_sql(
            "UPDATE sync_streams SET state = 'failed', last_error = 'Kombo answered HTTP 503.'"
            f" WHERE model = 'ats_jobs' AND integration_id IN ({named})"
        )
    shell.settings = {"SYNCER_DATABASE__URL": migrated_url, "SYNCER_KOMBO__API_KEY": "key"}
    return shell


def test_many_streams_are_summed_up_and_what_is_not_well_is_named(many: Shell) -> None:
    ran = many.run("status")
    assert ran.code == 1
    assert "ats_jobs: Kombo answered HTTP 503." in ran.out
    assert "personio:19" in ran.out
    assert "personio:20" not in ran.out
    assert "and 10 more integrations with problems: `syncer status --troubles`" in ran.out
    assert "30 integrations without problems: `syncer status --all`" in ran.out
    assert "180 streams: 150 complete, 30 failed · 1,260 rows live" in ran.out
    assert "hris_groups" not in ran.out


def test_all_troubles_or_every_stream_are_listed_where_that_is_asked_for(many: Shell) -> None:
    troubles = many.run("status", "--troubles").out
    assert all(each in troubles for each in FAILED)
    assert "hris_groups" not in troubles
    every = many.run("status", "--all").out
    assert all(each in every for each in INTEGRATIONS)
    assert every.count("hris_groups") == len(INTEGRATIONS)
    assert many.run("status", "--all", "--troubles").code == 2
    assert len(many.run("status", "--json").json["streams"]) == len(MODELS) * len(INTEGRATIONS)
    assert len(many.run("status", "--json", "--troubles").json["streams"]) == len(FAILED)


def test_a_selection_is_judged_alone(many: Shell) -> None:
    well = many.run("status", "--integration", INTEGRATIONS[-1])
    assert (well.code, "hris_groups" in well.out, "personio:00" in well.out) == (0, True, False)
    failed = many.run("status", "--integration", FAILED[0], "--model", "ats_*", "--json")
    assert failed.code == 1
    assert [each["model"] for each in failed.json["streams"]] == ["ats_jobs"]
    assert failed.json["totals"]["streams"] == {"failed": 1}
    assert many.run("status", "--model", "hris_*").code == 0
    some = many.run("status", "--integration", "personio:5*", "--json").json
    assert {each["integration"] for each in some["streams"]} == set(INTEGRATIONS[50:])
    by_tool = many.run("status", "--integration", "personio")
    assert (by_tool.code, "is not mirrored. Did you mean" in by_tool.err) == (2, True)
    unknown = many.run("status", "--integration", "personio:0")
    assert unknown.code == 2
    assert "personio:0 is not mirrored. Did you mean personio:" in unknown.err


def test_a_narrow_terminal_goes_without_columns_and_breaks_no_id(many: Shell) -> None:
    for width, has_age in ((60, True), (40, False)):
        ran = many.on_terminal("status", "--integration", INTEGRATIONS[-1], width=width)
        assert ("last run" in ran.plain, "complete as of" in ran.plain) == (False, has_age)
        assert sum("hris_employees  complete" in line for line in ran.plain.splitlines()) == 1
    listed = many.on_terminal("integrations", "list", width=40).plain.splitlines()
    assert [line.split()[0] for line in listed[1:]] == list(INTEGRATIONS)
