"""``verify``: what it prints, how it ends, and that it leaves the database alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from syncer.simulator.server import faults
from syncer.simulator.server.faults import Match
from syncer.store.schema.mirror_tables import MIRROR

if TYPE_CHECKING:
    from tests.support.command_line import Shell
    from tests.support.source import Source

EMPLOYEES, GROUPS = "hris_employees", "hris_groups"


@pytest.fixture
def mirror(shell: Shell, source: Source, migrated_url: str) -> Shell:
    """A mirror that has been read whole once."""
    shell.settings = source.settings(migrated_url)
    assert shell.run("backfill").code == 0
    return shell


@pytest.fixture
def damaged(mirror: Shell, migrated_url: str) -> str:
    """The id of a group that the mirror has lost."""
    from tests.support.mirror import Mirror

    table = MIRROR[GROUPS]
    with Mirror(migrated_url).open() as (_, connection):
        lost = str(connection.execute(table.select().with_only_columns(table.c.id).limit(1)).scalar_one())
        connection.execute(table.delete().where(table.c.id == lost))
    return lost


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_an_equal_mirror_is_well(mirror: Shell) -> None:
    done = mirror.run("verify")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert sorted(line.split()[1:3] for line in lines[:-1]) == [
        [f"{each}:", "equal"] for each in sorted([EMPLOYEES, GROUPS, "hris_locations"])
    ]
    assert lines[-1].startswith("3 streams: 3 equal · ")
    found = mirror.run("verify", "--json", "--model", GROUPS).json
    assert (found["is_equal"], [each["verdict"] for each in found["streams"]]) == (True, ["equal"])
    shown = mirror.on_terminal("verify", "--model", GROUPS)
    assert (shown.code, "✓ 1 stream: 1 equal" in shown.plain) == (0, True)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_difference_is_named_and_the_exit_code_says_so(mirror: Shell, damaged: str) -> None:
    done = mirror.run("verify", "--certificate", "found.json")
    assert done.code == 1
    assert f"1 missing, such as {damaged}" in done.out
    assert done.out.splitlines()[-1] == "The certificate is in found.json."
    found = json.loads((mirror.directory / "found.json").read_text(encoding="utf-8"))
    (stream,) = [each for each in found["streams"] if each["verdict"] == "different"]
    assert (found["is_equal"], stream["model"], stream["examples"]) == (False, GROUPS, {"missing": [damaged]})
    assert stream["digest"] != stream["mirror_digest"]
    shown = mirror.on_terminal("verify", "--model", GROUPS)
    assert (shown.code, "1 missing, such as" in shown.plain) == (1, True)
    assert mirror.run("reconcile", "--model", GROUPS).code == 0
    assert mirror.run("verify").code == 0


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_what_cannot_be_verified_is_not_well(mirror: Shell, source: Source) -> None:
    source.environment.faults.add(Match(model=GROUPS), faults.kombo_error(400, "PLATFORM.INPUT_INVALID"))
    done = mirror.run("verify", "--model", GROUPS)
    assert (done.code, f"{GROUPS}: unread, " in done.out) == (1, True)
    source.environment.faults.add(Match(), faults.key_refused(), times=None)
    assert mirror.run("verify").code == 4
    source.environment.faults.clear()
    assert mirror.run("verify", "--certificate", "nowhere/found.json").code == 2
    assert mirror.run("verify", "--sample", "0").code == 2
    assert mirror.run("verify", "--model", "nothing_*").code == 2


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_sample_says_what_follows_from_it(mirror: Shell) -> None:
    done = mirror.run("verify", "--sample", "10", "--model", EMPLOYEES)
    assert done.code == 0
    assert "10 rows compared: at most " in done.out
    found = mirror.run("verify", "--sample", "10", "--model", EMPLOYEES, "--json").json
    sample = found["streams"][0]["sample"]
    assert (sample["rows"], sample["confidence"], found["streams"][0]["digest"]) == (10, 0.95, None)
