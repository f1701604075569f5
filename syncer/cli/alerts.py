"""``syncer alerts``: troubles that a receiver is told of, and a message to try it with."""

from __future__ import annotations

from typing import Any

import click

from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import json_option, pass_session
from syncer.cli.output import print_json, print_line, print_note, print_rich
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.alerts.trouble import AlertState
from syncer.domain.texts.printable import printable

#: Colours of states on a terminal.
_COLOURS = {AlertState.OPEN: "red", AlertState.PENDING: "yellow", AlertState.OVER: "green"}


@click.group()
def alerts() -> None:
    """List alerts, and try their receiver. `syncer run` sends them, as [alerts] says.

    \b
    syncer alerts list
    """


@alerts.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List what goes wrong, and what did in the last days. pending: not for long enough yet.

    \b
    syncer alerts list --json
    """
    from syncer.operations import alerts as operation

    with session.opened_app() as app:
        found = operation.list_alerts(app)
        is_sent = app.settings.alerts.settings() is not None
    if as_json:
        print_json(found)
    elif found:
        _print(found)
    elif is_sent:
        print_line("There are no alerts.")
    else:
        print_line("There are no alerts: alerts.url in the configuration says where they go.")
    return 0


@alerts.command("test")
@pass_session
def test_(session: Session) -> int:
    """Post a message that says nothing to the receiver.

    The exit code is 1 if the receiver does not accept it.

    \b
    syncer alerts test
    """
    from syncer.operations import alerts as operation

    app = session.app()
    trial = run_interruptible(app, operation.try_receiver(app))
    if trial is None:
        print_note("Interrupted.")
        return INTERRUPTED
    print_line(trial.found)
    return 0 if trial.is_accepted else 1


def _print(found: list[dict[str, Any]]) -> None:
    rows = [
        (
            each["state"],
            each["kind"],
            printable(each["subject"]),
            each["since"][:16].replace("T", " "),
            printable(each["description"]),
            each["told"] or "nothing",
        )
        for each in found
    ]
    columns = ("state", "kind", "subject", "since", "what", "told")
    colours = {"state": lambda state: _COLOURS[AlertState(state)]}
    print_rich(report_table(columns, rows, drop=("told", "since"), folds=("what",), colours=colours))
