"""``syncer refresh``: single records, fetched now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.interrupt import INTERRUPTED, until_interrupted
from syncer.cli.output import (
    complete_integrations,
    complete_models,
    json_option,
    pass_session,
    printable,
    say,
    say_json,
)
from syncer.cli.session import Session

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.sync.deletions.confirm import IdKind
    from syncer.sync.refresh import Refreshed

_IN_WORDS = {"unknown": "unknown to Kombo", "quarantined": "in quarantine"}


@click.command()
@click.argument("model", metavar="MODEL", shell_complete=complete_models)
@click.option(
    "--integration",
    required=True,
    metavar="ID",
    shell_complete=complete_integrations,
    help="The integration that the records are of.",
)
@click.option("--id", "ids", multiple=True, metavar="ID", help="Kombo's id; may be given more than once.")
@click.option(
    "--remote-id",
    "remote_ids",
    multiple=True,
    metavar="ID",
    help="The connected tool's id; may be given more than once.",
)
@json_option
@pass_session
def refresh(
    session: Session,
    model: str,
    integration: str,
    ids: tuple[str, ...],
    remote_ids: tuple[str, ...],
    as_json: bool,
) -> int:
    """Fetch single records now.

    Says what became of each. The exit code is 1 if Kombo does not know one of them or it cannot be stored.
    """
    from syncer.domain.errors import UsageError

    if bool(ids) == bool(remote_ids):
        raise UsageError("Name the records: either by --id or by --remote-id.")
    app = session.app()
    by: IdKind = "ids" if ids else "remote_ids"
    fates = asyncio.run(_fetch(app, integration, model, ids or remote_ids, by))
    if fates is None:
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    if as_json:
        say_json([as_value(each) for each in fates])
    else:
        tell(model, fates)
    return 0 if is_well(fates) else 1


async def _fetch(
    app: App, integration: str, model: str, ids: Sequence[str], by: IdKind
) -> list[Refreshed] | None:
    from syncer.operations import refresh as single_records

    async with app:
        return await until_interrupted(
            single_records.refresh(app, integration, model, ids, by=by),
            app.stopping,
            note=lambda text: click.echo(text, err=True),
            stop_showing=lambda: None,
        )


def is_well(fates: Sequence[Refreshed]) -> bool:
    """Whether every record is in the mirror now, and whole."""
    return all(each.became not in _IN_WORDS and each.reason is None for each in fates)


def as_value(fate: Refreshed) -> dict[str, Any]:
    """What became of a record, for JSON."""
    return {"asked": fate.asked, "id": fate.id, "became": fate.became, "reason": fate.reason}


def tell(model: str, fates: Sequence[Refreshed]) -> None:
    """A line for each record, then how many became what."""
    for each in fates:
        also = f" ({each.id})" if each.id not in {None, each.asked} else ""
        why = f": {each.reason}" if each.reason else ""
        say(printable(f"{model} {each.asked}{also} {_IN_WORDS.get(each.became, each.became)}{why}"))
    counted = Counter(_IN_WORDS.get(each.became, each.became) for each in fates)
    if len(fates) > 1:
        say(", ".join(f"{number} {words}" for words, number in counted.most_common()))
