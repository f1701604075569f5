"""``syncer quarantine``: records that could not be stored, or not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.output import print_json, print_line, print_note, print_rich
from syncer.cli.refreshed import are_well, in_words, print_refreshed, value_of
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.store.state.quarantine import Entry


@click.group()
def quarantine() -> None:
    """List records that could not be stored, and try them again.

    \b
    syncer quarantine list
    """


@quarantine.command("list")
@stream_options
@json_option
@pass_session
def list_(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """List what is in quarantine, and why.

    \b
    syncer quarantine list --model hris_employees
    """
    from syncer.operations import quarantine as operation

    with session.opened_app() as app:
        found = operation.list_quarantine(app, integrations, models, environments)
    if as_json:
        print_json([_value(each) for each in found])
        return 0
    if not found:
        print_line("Nothing is in quarantine.")
        return 0
    rows = [
        (
            each.integration_id,
            each.model,
            printable(each.key),
            f"{each.first_seen_at:%Y-%m-%d %H:%M}",
            printable(in_words(each.reason)),
        )
        for each in found
    ]
    columns = ("integration", "model", "record", "since", "reason")
    print_rich(report_table(columns, rows, drop=("since", "integration"), folds=("reason",)))
    return 0


@quarantine.command()
@stream_options
@json_option
@pass_session
def retry(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Ask Kombo again for what is in quarantine.

    The exit code is 1 if something stays there.

    \b
    syncer quarantine retry --model hris_employees
    """
    from syncer.operations import quarantine as operation

    app = session.app()
    done = run_interruptible(app, operation.retry_quarantine(app, integrations, models, environments))
    if done is None:
        print_note("Interrupted.")
        return INTERRUPTED
    refreshed = [each for of_stream in done.values() for each in of_stream]
    if as_json:
        print_json(
            [
                {"integration": key.integration_id, "model": key.model, **value_of(each)}
                for key, of_stream in done.items()
                for each in of_stream
            ]
        )
    elif not refreshed:
        print_line("Nothing is in quarantine.")
    else:
        for key, of_stream in done.items():
            print_refreshed(key.model, of_stream)
    # A record that Kombo does not know any more has left the quarantine, too.
    return 0 if are_well([each for each in refreshed if each.became != "unknown"]) else 1


def _value(entry: Entry) -> dict[str, Any]:
    from syncer.operations.status_report import json_time

    return {
        "integration": entry.integration_id,
        "model": entry.model,
        "record": entry.key,
        "reason": entry.reason,
        "first_seen_at": json_time(entry.first_seen_at),
        "last_seen_at": json_time(entry.last_seen_at),
    }
