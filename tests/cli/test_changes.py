"""``changes``: what a pipe and a terminal get, what is acknowledged and when, and its consumers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from syncer.store.db.database import Database
from syncer.store.state.consumers import read_consumer
from tests.support.feed_rows import drop_changes, tell_changes
from tests.support.processes import SYNCER
from tests.support.receivers import SECRET
from tests.support.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.support.command_line import Ran, Shell


@pytest.fixture
def feed(shell: Shell, database: Database, migrated_url: str) -> Database:
    """The database of a command line whose feed is on; of both kinds, one after the other."""
    shell.settings = {"SYNCER_DATABASE__URL": migrated_url, "SYNCER_CHANGES__MODELS": '["*"]'}
    return database


def tell(feed: Database, records: Iterable[str], **members: Any) -> None:
    with feed.begin() as connection:
        tell_changes(connection, records, **members)


def position(feed: Database, name: str) -> int | None:
    with feed.read() as connection:
        found = read_consumer(connection, name)
    return None if found is None else found.sequence


def lines(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


def records(ran: Ran) -> str:
    return "".join(each["record_id"] for each in lines(ran))


def test_a_pipe_gets_a_json_object_a_line_from_the_first_change_that_is_left(
    shell: Shell, feed: Database
) -> None:
    assert lines(shell.run("changes")) == []
    tell(feed, "abc")
    first, *_ = lines(shell.run("changes"))
    assert first["sequence"] == 1
    assert first["record_id"] == "a"
    assert "document" not in first
    assert records(shell.run("changes", "--after", "1")) == "bc"
    assert records(shell.run("changes", "--limit", "2")) == "ab"
    assert records(shell.run("changes", "--after", "newest")) == ""
    with feed.begin() as connection:
        drop_changes(connection, until=1)
    assert records(shell.run("changes")) == "bc"


def test_models_and_integrations_select_changes(shell: Shell, feed: Database) -> None:
    tell(feed, "a")
    tell(feed, "b", model="ats_jobs", integration="other:2")
    assert records(shell.run("changes", "--model", "ats_*")) == "b"
    assert records(shell.run("changes", "--integration", "tool:one")) == "a"
    wrong = shell.run("changes", "--model", "hris_employes")
    assert (wrong.code, wrong.out) == (2, "")
    assert "hris_employees" in wrong.err


def test_documents_come_with_the_changes(shell: Shell, feed: Database) -> None:
    tell(feed, "a")
    [change] = lines(shell.run("changes", "--documents"))
    assert (change["document"], change["deleted"]) == (None, None)


def test_a_consumer_goes_on_where_it_was_also_past_what_it_does_not_select(
    shell: Shell, feed: Database
) -> None:
    tell(feed, "abc")
    tell(feed, "de", model="ats_jobs")
    hris = ("changes", "--consumer", "billing", "--model", "hris_*")
    assert records(shell.run(*hris, "--limit", "2")) == "ab"
    assert position(feed, "billing") == 2
    assert records(shell.run(*hris)) == "c"
    assert position(feed, "billing") == 5
    assert lines(shell.run(*hris)) == []
    assert records(shell.run("changes", "--consumer", "another")) == "abcde"


def test_what_a_consumer_lost_is_told_once(shell: Shell, feed: Database) -> None:
    tell(feed, "abcd")
    assert records(shell.run("changes", "--consumer", "slow", "--limit", "1")) == "a"
    with feed.begin() as connection:
        drop_changes(connection, until=3)
    [listed] = shell.run("changes", "consumers", "--json").json
    assert (listed["name"], listed["behind"], listed["lost"]) == ("slow", 1, 2)
    assert shell.run("status", "--json").json["consumers"] == [listed]
    lost, change = lines(shell.run("changes", "--consumer", "slow"))
    assert lost == {"lost": {"after": 1, "first": 4}}
    assert change["record_id"] == "d"
    assert lines(shell.run("changes", "--consumer", "slow")) == []
    assert shell.run("changes", "consumers", "--json").json[0]["lost"] == 0


def test_what_was_not_written_is_not_acknowledged(shell: Shell, feed: Database) -> None:
    tell(feed, "abcdefgh")
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*SYNCER, "changes", "--consumer", "gone"],
        cwd=shell.directory,
        # As in a shell: lines wait in a buffer until it is written.
        env={**shell.environ(), "PYTHONUNBUFFERED": ""},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert ended.stderr == b""
    assert position(feed, "gone") is None


def test_following_shows_what_comes_until_it_is_interrupted(shell: Shell, feed: Database) -> None:
    tell(feed, "a")
    command = shell.start("changes", "--follow", "--consumer", "live")
    assert command.stdout is not None
    assert json.loads(command.stdout.readline())["record_id"] == "a"
    until(lambda: position(feed, "live") == 1, "the first change is acknowledged")
    tell(feed, "b")
    assert json.loads(command.stdout.readline())["record_id"] == "b"
    until(lambda: position(feed, "live") == 2, "the second change is acknowledged")
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=PATIENCE)
    assert (command.returncode, out, err.strip()) == (130, "", "")


def test_a_terminal_gets_a_table_that_nothing_steers(shell: Shell, feed: Database) -> None:
    tell(feed, ["an\x1b[2Jid"], operation="created", members=None)
    tell(feed, "b", members='["first_name", "x\\u001b[31m"]')
    ran = shell.on_terminal("changes")
    assert ran.code == 0
    assert "\x1b[2J" not in ran.out
    assert "\x1b[31m" not in ran.out
    head, first, second = ran.plain.splitlines()
    assert head.split() == ["sequence", "at", "what", "model", "record", "members"]
    assert first.split() == ["1", "2026-03-01", "12:00:00", "created", "hris_employees", "an\\x1b[2Jid"]
    assert second.endswith("first_name, x\\x1b[31m")
    [one, _] = shell.on_terminal("changes", "--json").plain.splitlines()
    assert json.loads(one)["record_id"] == "an\x1b[2Jid"


def test_consumers_are_listed_put_anywhere_and_forgotten(shell: Shell, feed: Database) -> None:
    tell(feed, "abc")
    assert shell.run("changes", "consumers").out == "The change feed has no consumers.\n"
    assert shell.run("changes", "ack", "billing", "newest").out == "billing is at 3.\n"
    assert shell.run("changes", "ack", "billing", "1").out == "billing is at 1.\n"
    assert records(shell.run("changes", "--consumer", "billing")) == "bc"
    table = shell.run("changes", "consumers").out.splitlines()
    assert table[0].split() == ["consumer", "acknowledged", "behind", "lost", "at"]
    assert table[1].split()[:4] == ["billing", "3", "0", "0"]
    assert shell.run("changes", "forget", "billing").out == "billing is forgotten.\n"
    assert position(feed, "billing") is None


REFUSED = [
    (("--after", "4"), "has not given the number 4 yet, its newest is 3"),
    (("--after", "1", "--consumer", "a"), "--after and --consumer"),
    (("--consumer", "two words"), "cannot be the name of a consumer"),
    (("ack", "billing", "4"), "has not given the number 4 yet"),
    (("ack", "billing", "-1"), "-1"),
    (("ack", "billing", "latest"), "no number of the feed: give one such as 0, or `newest`"),
    (("ack", "-", "1"), "cannot be the name of a consumer"),
    (("forget", "nobody"), "There is no consumer nobody"),
    (("--after", "1", "consumers"), "Options of `changes consumers` stand behind it."),
]


def test_what_cannot_be_is_refused_in_a_sentence(shell: Shell, feed: Database) -> None:
    tell(feed, "abc")
    for arguments, words in REFUSED:
        ran = shell.run("changes", *arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert words in ran.err
    assert shell.run("changes", "consumers", "--json").json == []


def test_nobody_reads_under_the_name_of_a_delivery(shell: Shell, feed: Database) -> None:
    tell(feed, "a")
    delivery = [{"name": "billing", "url": "http://127.0.0.1:9/", "secret": SECRET}]
    ran = shell.run("changes", "--consumer", "billing", SYNCER_DELIVERIES=json.dumps(delivery))
    assert (ran.code, ran.out) == (2, "")
    assert "billing is a delivery" in ran.err
    assert position(feed, "billing") is None


def test_a_feed_that_is_off_says_how_it_is_switched_on(shell: Shell, feed: Database) -> None:
    for arguments in ((), ("--follow",), ("--consumer", "a")):
        ran = shell.run("changes", *arguments, SYNCER_CHANGES__MODELS="[]")
        assert (ran.code, ran.out) == (2, "")
        assert "The change feed is off: name the models" in ran.err
        assert len(ran.err.splitlines()) == 1
