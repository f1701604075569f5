"""Messages of alerts: what a receiver gets, as JSON and as Slack takes it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from syncer.domain.alerts.message import MessageFormat, alert_message, trial_message
from syncer.domain.alerts.trouble import Alert, AlertKey, AlertKind, AlertState
from tests.support.records import NOW

BEGAN = Alert(
    AlertKey("default", AlertKind.FAILING, "tool:one"),
    AlertState.OPEN,
    NOW,
    "1 list (hris_groups) cannot be read: failed 1",
    opened_at=NOW,
)
OVER = Alert(
    AlertKey("us", AlertKind.HELD, "tool:a<b>&c"),
    AlertState.OVER,
    NOW,
    "3 rows of 1 list (hris_groups) are missing at Kombo, until somebody approves that",
    over_at=NOW,
)


def body(*alerts: Alert, form: MessageFormat = MessageFormat.JSON) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(alert_message(alerts, NOW, form).body)
    return found


def test_a_message_of_json_has_what_programs_and_people_need() -> None:
    found = body(BEGAN, OVER)
    at = NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert (found["type"], found["timestamp"]) == ("syncer.alerts", at)
    assert (found["began_count"], found["over_count"]) == (1, 1)
    assert found["began"] == [
        {
            "environment": "default",
            "kind": "failing",
            "subject": "tool:one",
            "state": "open",
            "description": "1 list (hris_groups) cannot be read: failed 1",
            "command": "syncer status --integration tool:one",
            "since": at,
            "over_at": None,
        }
    ]
    assert [(each["subject"], each["over_at"]) for each in found["over"]] == [("tool:a<b>&c", at)]
    when = NOW.strftime("%Y-%m-%d %H:%M UTC")
    assert found["text"].splitlines() == [
        "syncer: 1 trouble has begun, 1 is over.",
        f"• tool:one: 1 list (hris_groups) cannot be read: failed 1, since {when}. "
        "`syncer status --integration tool:one` says more.",
        "• over: tool:a<b>&c (us): 3 rows of 1 list (hris_groups) are missing at Kombo, "
        f"until somebody approves that (since {when})",
    ]


def test_slack_gets_the_text_with_its_special_characters_escaped() -> None:
    found = body(OVER, form=MessageFormat.SLACK)
    assert found.keys() == {"text"}
    assert "tool:a&lt;b&gt;&amp;c" in found["text"]


def test_a_message_of_a_thousand_alerts_stays_short() -> None:
    alerts = [replace(BEGAN, key=BEGAN.key._replace(subject=f"tool:{each}")) for each in range(1000)]
    found = body(*alerts)
    assert (found["began_count"], len(found["began"])) == (1000, 100)
    assert len(found["text"].splitlines()) == 22
    assert found["text"].splitlines()[-1] == "and 980 more: `syncer alerts list` has all of them"


def test_the_id_is_the_same_in_each_attempt_and_another_for_another_episode() -> None:
    first, again = (alert_message([BEGAN], at, MessageFormat.JSON) for at in (NOW, NOW + timedelta(hours=1)))
    other = alert_message([replace(BEGAN, opened_at=NOW + timedelta(days=1))], NOW, MessageFormat.JSON)
    assert first.id == again.id != other.id
    assert json.loads(first.body)["id"] == first.id


def test_a_trial_says_that_it_is_one() -> None:
    found = json.loads(trial_message(NOW, MessageFormat.JSON, "nonce").body)
    assert (found["type"], "test" in found["text"]) == ("syncer.test", True)
