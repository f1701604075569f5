"""``syncer quarantine``: the records that could not be stored, or not whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from syncer.cli.interrupt import INTERRUPTED, until_interrupted
from syncer.cli.output import json_option, pass_session, printable, say, say_json, selection, show, table
from syncer.cli.refresh import as_value, is_well, tell
from syncer.cli.session import Session
from syncer.domain.stream_key import StreamKey

if TYPE_CHECKING:
    from datetime import datetime

    from syncer.app import App
    from syncer.sync.refresh import Refreshed


@click.group()
def quarantine() -> None:
    """List records that could not be stored, and try them again."""


@quarantine.command("list")
@selection
@json_option
@pass_session
def list_(session: Session, integrations: tuple[str, ...], models: tuple[str, ...], as_json: bool) -> int:
    """List what is in quarantine, and why."""
    from syncer.operations import refresh as single_records

    app = session.app()
    try:
        found = single_records.quarantine(app, integrations, models)
    finally:
        app.database.close()
    if as_json:
        say_json(
            [
                {
                    "integration": each.integration_id,
                    "model": each.model,
                    "record": each.key,
                    "reason": each.reason,
                    "first_seen_at": _shown(each.first_seen_at),
                    "last_seen_at": _shown(each.last_seen_at),
                }
                for each in found
            ]
        )
        return 0
    if not found:
        say("Nothing is in quarantine.")
        return 0
    listed = table("integration", "model", "record", "since", "reason")
    for each in found:
        listed.add_row(
            each.integration_id,
            each.model,
            printable(each.key),
            f"{each.first_seen_at:%Y-%m-%d %H:%M}",
            printable(each.reason),
        )
    show(listed)
    return 0


@quarantine.command()
@selection
@json_option
@pass_session
def retry(session: Session, integrations: tuple[str, ...], models: tuple[str, ...], as_json: bool) -> int:
    """Ask Kombo again for what is in quarantine.

    The exit code is 1 if something stays there.
    """
    app = session.app()
    done = asyncio.run(_retry(app, integrations, models))
    if done is None:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    fates = [each for of_stream in done.values() for each in of_stream]
    if as_json:
        say_json(
            [
                {"integration": key.integration_id, "model": key.model, **as_value(each)}
                for key, of_stream in done.items()
                for each in of_stream
            ]
        )
    elif not fates:
        say("Nothing is in quarantine.")
    else:
        for (_, model), of_stream in done.items():
            tell(model, of_stream)
    # A record that Kombo does not know any more has left the quarantine, too.
    return 0 if is_well([each for each in fates if each.became != "unknown"]) else 1


async def _retry(
    app: App, integrations: tuple[str, ...], models: tuple[str, ...]
) -> dict[StreamKey, list[Refreshed]] | None:
    from syncer.operations import refresh as single_records

    async with app:
        return await until_interrupted(
            single_records.retry_quarantine(app, integrations, models),
            app.stopping,
            note=lambda text: click.echo(text, err=True),
            stop_showing=lambda: None,
        )


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
