"""``alerts``: what goes wrong and did, and a message to try the receiver with."""

from __future__ import annotations

import pytest

from syncer.domain.alerts.decisions import Decision
from syncer.domain.alerts.trouble import Alert, AlertKey, AlertKind, AlertState
from syncer.store.db.database import Database
from syncer.store.state.alerts import store_decision
from tests.support.command_line import Shell
from tests.support.receivers import Receiver
from tests.support.records import NOW


@pytest.fixture
def alerting(shell: Shell, migrated_url: str, receiver: Receiver) -> Shell:
    """The command line with a receiver of alerts; on both databases, one after the other."""
    receiver.verifies = False
    shell.settings = {
        "SYNCER_DATABASE__URL": migrated_url,
        "SYNCER_KOMBO__API_KEY": "key",
        "SYNCER_ALERTS__URL": receiver.url,
        "SYNCER_ALERTS__TOKEN": "t0ps3cret",
    }
    return shell


def test_alerts_are_listed_open_ones_first(alerting: Shell) -> None:
    assert alerting.run("alerts", "list").out == "There are no alerts.\n"
    database = Database(alerting.settings["SYNCER_DATABASE__URL"])
    keys = [AlertKey("default", kind, "tool:one") for kind in (AlertKind.FAILING, AlertKind.HELD)]
    with database.begin() as connection:
        over = Alert(keys[0], AlertState.OVER, NOW, "it failed", over_at=NOW, told=AlertState.OVER)
        begun = Alert(keys[1], AlertState.OPEN, NOW, "3 rows are missing")
        store_decision(connection, Decision((over, begun)))
    database.close()
    found = alerting.run("alerts", "list", "--json").json
    assert [(each["state"], each["kind"], each["told"]) for each in found] == [
        ("open", "held", None),
        ("over", "failing", "over"),
    ]
    assert found[0]["command"] == "syncer status --integration tool:one"
    shown = alerting.run("alerts", "list").out
    assert [word in shown for word in ("open", "3 rows are missing", "nothing", "over")] == [True] * 4


def test_a_receiver_is_tried_and_its_answer_told_without_its_secrets(
    alerting: Shell, receiver: Receiver
) -> None:
    ran = alerting.run("alerts", "test")
    assert ran.code == 0
    assert ran.out.startswith(f"127.0.0.1:{receiver.port} answered HTTP 204 (No Content) after ")
    assert receiver.received[0].headers["authorization"] == "Bearer t0ps3cret"
    receiver.answer(404)
    ran = alerting.run("alerts", "test")
    assert (ran.code, ran.out) == (1, "The receiver answered HTTP 404 (Not Found).\n")
    checked = alerting.run("check").out
    assert f"ok     alerts: posted to 127.0.0.1:{receiver.port}: `syncer alerts test` tries it" in checked
    for text in (ran.out, ran.err, checked):
        assert "of=test" not in text
        assert "t0ps3cret" not in text


def test_without_a_receiver_there_is_nothing_to_try(alerting: Shell) -> None:
    del alerting.settings["SYNCER_ALERTS__URL"], alerting.settings["SYNCER_ALERTS__TOKEN"]
    ran = alerting.run("alerts", "test")
    assert (ran.code, ran.err) == (
        2,
        "Error: There is no receiver of alerts: set alerts.url in the configuration (docs/alerts.md).\n",
    )
    said = "There are no alerts: alerts.url in the configuration says where they go.\n"
    assert alerting.run("alerts", "list").out == said
