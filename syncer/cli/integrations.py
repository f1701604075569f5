"""``syncer integrations``: which integrations are mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from syncer.cli.output import (
    complete_integrations,
    complete_models,
    json_option,
    pass_session,
    printable,
    say,
    say_json,
    show,
    table,
)
from syncer.cli.session import Session

if TYPE_CHECKING:
    from syncer.app import App


@click.group()
def integrations() -> None:
    """List, add and remove integrations. Those of the configuration are changed there."""


@integrations.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> int:
    """List the integrations that are mirrored."""
    with _opened(session) as app:
        found = app.selection.known()
    if as_json:
        say_json(
            [
                {
                    "id": each.id,
                    "from": each.origin,
                    "models": None if each.models is None else list(each.models),
                    "tool": each.tool,
                    "category": each.category,
                    "organisation": each.organisation,
                    "status": each.status,
                    "setup_status": each.setup_status,
                    "state": each.state,
                }
                for each in found
            ]
        )
        return 0
    if not found:
        say("No integration is mirrored: `syncer integrations add ID` adds one.")
        return 0
    shown = table("integration", "tool", "organisation", "status", "models", "from")
    for each in found:
        shown.add_row(
            each.id,
            printable(each.tool or "?"),
            printable(each.organisation or ""),
            each.status or "",
            ", ".join(each.models or ("as configured",)),
            each.origin,
        )
    show(shown)
    return 0


@integrations.command()
@click.argument("integration_id", metavar="ID")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="GLOB",
    shell_complete=complete_models,
    help="Only these models of it; may be given more than once.",
)
@pass_session
def add(session: Session, integration_id: str, models: tuple[str, ...]) -> int:
    """Mirror one more integration; a running service takes it up within a minute."""
    with _opened(session) as app:
        app.selection.add(integration_id, models)
    say(f"{integration_id} is mirrored from now on.")
    return 0


@integrations.command()
@click.argument("integration_id", metavar="ID", shell_complete=complete_integrations)
@pass_session
def remove(session: Session, integration_id: str) -> int:
    """Mirror an integration no more; what is in the mirror stays there."""
    with _opened(session) as app:
        app.selection.remove(integration_id)
    say(f"{integration_id} is not mirrored any more; its rows stay.")
    return 0


@contextmanager
def _opened(session: Session) -> Iterator[App]:
    app = session.app()
    try:
        yield app
    finally:
        app.database.close()
