"""``syncer deliveries``: receivers of changes, and how sending to each goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.completion_values import complete_deliveries
from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import json_option, pass_session
from syncer.cli.output import indented, print_json, print_line, print_note, print_rich, styled
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.deliveries.delivery import DeliveryHealth
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

#: Colours of states on a terminal; any other is yellow.
_COLOURS = {DeliveryHealth.ACTIVE: "green", DeliveryHealth.FAILING: "red", DeliveryHealth.STOPPED: "red"}


@click.group()
def deliveries() -> None:
    """List, pause, resume and try deliveries of changes. `syncer run` sends them.

    \b
    syncer deliveries list
    """


@deliveries.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List the deliveries, and how each is.

    \b
    syncer deliveries list --json
    """
    from syncer.operations import deliveries as operation

    with session.opened_app() as app:
        found = operation.list_deliveries(app)
    if as_json:
        print_json(found)
    elif found:
        print_rich(*delivery_lines(found))
    else:
        print_line("There are no deliveries: [[deliveries]] in the configuration makes one.")
    return 0


@deliveries.command()
@click.argument("name", shell_complete=complete_deliveries)
@pass_session
def pause(session: Session, name: str) -> int:
    """Send nothing until the delivery is resumed; what changes meanwhile waits in the feed.

    \b
    syncer deliveries pause payroll
    """
    from syncer.operations import deliveries as operation

    with session.opened_app() as app:
        operation.pause(app, name)
    print_line(f"{name} is paused; what is on its way arrives.")
    return 0


@deliveries.command()
@click.argument("name", shell_complete=complete_deliveries)
@pass_session
def resume(session: Session, name: str) -> int:
    """Send again at once, after a pause, failures or a receiver that was gone (410).

    \b
    syncer deliveries resume payroll
    """
    from syncer.operations import deliveries as operation

    with session.opened_app() as app:
        operation.resume(app, name)
    print_line(f"{name} is active; a running service sends what waits for it.")
    return 0


@deliveries.command("test")
@click.argument("name", shell_complete=complete_deliveries)
@pass_session
def test_(session: Session, name: str) -> int:
    """Post a signed message of the type mirror.test, which tells of nothing.

    The exit code is 1 if the receiver does not accept it.

    \b
    syncer deliveries test payroll
    """
    from syncer.operations import deliveries as operation

    app = session.app()
    trial = run_interruptible(app, operation.try_receiver(app, name))
    if trial is None:
        print_note("Interrupted.")
        return INTERRUPTED
    print_line(trial.found)
    return 0 if trial.is_accepted else 1


def delivery_lines(found: Sequence[dict[str, Any]]) -> Iterator[RenderableType]:
    """Give the lines for deliveries as they are reported, and below them what is to be done."""
    from syncer.operations.deliveries import describe_delivery

    yield delivery_table(found)
    for each in found:
        if text := describe_delivery(each):
            yield indented(styled(f"{each['name']}: ", "bold").append(printable(text), "default"))


def delivery_table(found: Sequence[dict[str, Any]]) -> RenderableType:
    """Make a table of deliveries as they are reported."""
    rows = [
        (
            each["name"],
            printable(each["receiver"] or ""),
            each["state"],
            _minute(each["since"]),
            "" if each["behind"] is None else f"{each['behind']:,}",
            _minute(each["last_success_at"]) or "never",
        )
        for each in found
    ]
    return report_table(
        ("delivery", "receiver", "state", "since", "behind", "accepted"),
        rows,
        numbers=("behind",),
        drop=("since", "accepted", "receiver"),
        colours={"state": lambda state: _COLOURS.get(DeliveryHealth(state), "yellow")},
    )


def _minute(moment: str | None) -> str:
    return "" if moment is None else moment[:16].replace("T", " ")
