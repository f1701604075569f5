"""``deliveries``: how each is, pausing and resuming, and a message to try a receiver with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.store.db.database import Database
from syncer.store.state.consumers import move_consumer
from syncer.store.state.deliveries import add_delivery, note_failure, read_delivery
from tests.support.command_line import Shell
from tests.support.feed_rows import tell_changes
from tests.support.receivers import SECRET, Receiver, Reply
from tests.support.records import NOW

PLANTED = "Zoë-Müller@example.com"


@pytest.fixture
def delivering(shell: Shell, migrated_url: str, receiver: Receiver) -> Shell:
    """The command line with a delivery to a receiver; on both databases, one after the other."""
    delivery = {"name": "billing", "url": receiver.url, "secret": SECRET}
    shell.settings = {
        "SYNCER_DATABASE__URL": migrated_url,
        "SYNCER_CHANGES__MODELS": '["hris_*"]',
        "SYNCER_DELIVERIES": json.dumps([delivery]),
        "SYNCER_KOMBO__API_KEY": "key",
    }
    return shell


def fail(url: str, *, stop: bool = False) -> None:
    """Have the delivery begun, be 3 changes behind, and failed twice."""
    database = Database(url)
    with database.begin() as connection:
        add_delivery(connection, "billing", NOW)
        tell_changes(connection, ["a", "b", "c"])
        move_consumer(connection, "billing", 0, NOW)
        for _ in range(2):
            row = read_delivery(connection, "billing")
            assert row is not None
            note_failure(
                connection, row, status=503, error="The receiver answered HTTP 503.", now=NOW, pause=None
            )
    if not stop:
        with database.begin() as connection:
            connection.exec_driver_sql("UPDATE sync_deliveries SET state = 'active'")
    database.close()


def listed(shell: Shell) -> dict[str, Any]:
    [found] = shell.run("deliveries", "list", "--json").json
    assert isinstance(found, dict)
    return found


def test_a_delivery_that_has_not_begun_is_new_and_well(delivering: Shell, receiver: Receiver) -> None:
    assert listed(delivering) == {
        "name": "billing",
        "receiver": f"127.0.0.1:{receiver.port}",
        "state": "new",
        "since": None,
        "sequence": None,
        "behind": None,
        "failures": 0,
        "next_attempt_at": None,
        "last_status": None,
        "last_error": None,
        "last_success_at": None,
    }
    assert delivering.run("status", "--json").json["deliveries"] == [listed(delivering)]


def test_a_failing_delivery_stands_in_list_status_and_check(delivering: Shell) -> None:
    fail(delivering.settings["SYNCER_DATABASE__URL"])
    found = listed(delivering)
    assert (found["state"], found["failures"], found["behind"], found["sequence"]) == ("failing", 2, 3, 0)
    said = "billing: failed 2 times: The receiver answered HTTP 503. It is tried again by itself."
    for command in (["deliveries", "list"], ["status"]):
        assert said in delivering.run(*command).out
    report = delivering.run("status", "--json").json
    assert (report["is_well"], report["deliveries"]) == (False, [found])
    checked = delivering.run("check").out
    assert f"not ok deliveries: billing posts to {found['receiver']}: failing. failed 2 times" in checked
    for ran in (delivering.run("deliveries", "list"), delivering.run("status")):
        assert SECRET not in ran.out + ran.err
        assert "of=test" not in ran.out + ran.err


def test_what_a_receiver_has_stopped_is_resumed_and_what_is_paused_too(delivering: Shell) -> None:
    fail(delivering.settings["SYNCER_DATABASE__URL"], stop=True)
    assert listed(delivering)["state"] == "stopped"
    assert "`syncer deliveries resume billing` sends again." in delivering.run("deliveries", "list").out
    resumed = delivering.run("deliveries", "resume", "billing")
    assert resumed.out == "billing is active; a running service sends what waits for it.\n"
    assert (listed(delivering)["state"], listed(delivering)["failures"]) == ("active", 0)
    paused = delivering.run("deliveries", "pause", "billing")
    assert paused.out == "billing is paused; what is on its way arrives.\n"
    assert listed(delivering)["state"] == "paused"
    # It is what somebody wants.
    assert "not ok deliveries" not in delivering.run("check").out


def test_what_the_configuration_has_no_more_is_listed_and_no_part_of_the_status(delivering: Shell) -> None:
    fail(delivering.settings["SYNCER_DATABASE__URL"])
    delivering.settings["SYNCER_DELIVERIES"] = "[]"
    assert listed(delivering)["state"] == "removed"
    assert delivering.run("status", "--json").json["deliveries"] == []


@pytest.mark.parametrize("command", ["pause", "resume", "test"])
def test_a_name_that_nobody_has_is_refused_with_the_nearest(delivering: Shell, command: str) -> None:
    ran = delivering.run("deliveries", command, "biling")
    assert (ran.code, ran.err) == (
        2,
        "Error: The configuration has no delivery biling. Did you mean billing?\n",
    )


def test_a_receiver_is_tried_with_a_message_that_says_nothing(delivering: Shell, receiver: Receiver) -> None:
    ran = delivering.run("deliveries", "test", "billing")
    assert ran.code == 0
    assert ran.out.startswith(f"127.0.0.1:{receiver.port} answered HTTP 204 (No Content) after 0.")
    [message] = receiver.received
    assert (message.body["type"], message.body["data"]) == ("mirror.test", {"delivery": "billing"})
    receiver.answer(Reply(401, body=PLANTED.encode()))
    refused = delivering.run("deliveries", "test", "billing")
    assert (refused.code, refused.out) == (1, "The receiver answered HTTP 401 (Unauthorized).\n")
    assert listed(delivering)["state"] == "new"


def test_plain_http_beyond_this_machine_is_a_warning(delivering: Shell) -> None:
    delivery = {"name": "billing", "url": "http://app.example.com/hooks", "secret": SECRET}
    delivering.settings["SYNCER_DELIVERIES"] = json.dumps([delivery])
    assert (
        "warning deliveries: changes cross the network as plain text: let the url of billing begin with https://"
        in delivering.run("check").out
    )
