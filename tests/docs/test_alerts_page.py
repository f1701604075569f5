"""docs/alerts.md: its configuration loads, its commands run, and what it shows is what comes."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from syncer.config.loading import load_settings
from syncer.domain.alerts.message import MessageFormat, alert_message, trial_message
from syncer.domain.alerts.trouble import Alert, AlertKey, AlertKind, AlertState
from tests.support.receivers import Receiver
from tests.support.records import NOW

if TYPE_CHECKING:
    from tests.support.command_line import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


[TOML], [SHOWN], [CONSOLE] = map(blocks, ("toml", "json", "console"))


def test_the_commands_run_on_the_configuration_of_the_page(
    shell: Shell, sqlite_url: str, receiver: Receiver
) -> None:
    receiver.verifies = False
    config = shell.directory / "config.toml"
    config.write_text(TOML, "utf-8")
    (shell.directory / "alerts.url").write_text(receiver.url)
    settings = load_settings(config, environ={})
    alerts = settings.alerts.settings()
    assert alerts is not None
    assert (alerts.url, alerts.form) == (receiver.url, MessageFormat.SLACK)
    assert settings.secret_files == (shell.directory / "alerts.url",)
    shell.settings = {"SYNCER_DATABASE__URL": sqlite_url}
    assert shell.run("migrate").code == 0
    for command in CONSOLE.splitlines():
        program, *arguments = shlex.split(command.removeprefix("$ "))
        ran = shell.run(*arguments)
        assert (program, ran.code, ran.err) == ("syncer", 0, "")
    [message] = receiver.received
    assert message.body == {"text": "syncer: this is a test. Messages of alerts arrive here."}


def test_the_message_that_is_shown_is_one() -> None:
    shown = json.loads(SHOWN)
    [told] = shown["began"]
    alert = Alert(
        AlertKey("default", AlertKind.FAILING, told["subject"]),
        AlertState.OPEN,
        NOW.replace(microsecond=0),
        told["description"],
    )
    made = json.loads(alert_message([alert], NOW, MessageFormat.JSON).body)
    assert {**made, "id": "", "timestamp": ""} == {**shown, "id": "", "timestamp": ""}
    trial = json.loads(trial_message(NOW, MessageFormat.JSON, "nonce").body)
    assert f"`{trial['type']}`, with `id`, `timestamp` and `text` alone" in PAGE.replace("\n", " ")
    assert trial.keys() == {"type", "id", "timestamp", "text"}


def test_every_kind_is_in_the_table() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE) == list(AlertKind)
