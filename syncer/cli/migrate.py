"""Commands that look: ``syncer check``, ``syncer models``; and ``syncer migrate``, which says what it did."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from syncer.cli.output import is_terminal, json_option, pass_session, printable, say, say_json, show, table
from syncer.cli.session import Session
from syncer.domain.errors import SyncerError

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.operations.checks import Finding


@click.command()
@json_option
@pass_session
def check(session: Session, as_json: bool) -> int:
    """Check configuration, database, key and integrations.

    It tells what would be mirrored, and why not the rest.
    """
    return asyncio.run(_check(session.app(), as_json))


async def _check(app: App, as_json: bool) -> int:
    from syncer.operations.check import check as look_at_all
    from syncer.operations.checks import Finding

    found: list[Finding] = []

    def tell(finding: Finding) -> None:
        if not as_json:
            _tell(finding, found[-1] if found else None)
        found.append(finding)

    def end() -> None:
        if as_json:
            say_json(
                {
                    "is_well": all(each.is_well for each in found),
                    "findings": [
                        {"subject": each.subject, "is_well": each.is_well, "found": each.found}
                        for each in found
                    ],
                }
            )

    async with app:
        try:
            async for finding in look_at_all(app):
                tell(finding)
        except SyncerError as error:
            # What it is goes to stderr; the document is whole all the same.
            found.append(Finding("check", False, str(error)))
            end()
            raise
    end()
    return 0 if all(each.is_well for each in found) else 1


def _tell(finding: Finding, before: Finding | None) -> None:
    """One finding; on a terminal those of the same subject stand together."""
    text = printable(finding.found)
    if not is_terminal():
        say(f"{'ok' if finding.is_well else 'not ok'} {finding.subject}: {text}")
        return
    from rich.padding import Padding
    from rich.text import Text

    mark = Text("✓ ", "green") if finding.is_well else Text("✗ ", "red")
    if before is None or before.subject != finding.subject or not finding.is_well:
        show(mark.append(finding.subject, "bold"))
    show(Padding(Text(text), (0, 0, 0, 2)))


@click.command()
@click.option("--grant-read", "role", metavar="ROLE", help="Let a role of PostgreSQL read the mirror.")
@click.option(
    "--without-sensitive", is_flag=True, help="All but sensitive columns, and views <table>_safe for it."
)
@json_option
@pass_session
def migrate(session: Session, role: str | None, without_sensitive: bool, as_json: bool) -> int:
    """Bring the database to the tables of this version.

    With --grant-read a role may then read the tables and views of the mirror, not the bookkeeping. Run it
    again after an upgrade: until then the role does not see what is new.
    """
    from syncer.store.schema.grants import Granted, check_role, grant_read

    if without_sensitive and role is None:
        raise click.UsageError("--without-sensitive needs --grant-read ROLE.")
    app = session.app()
    granted: Granted | None = None
    try:
        if role is not None:
            check_role(app.database, role)
        before, after = app.migrate()
        if role is not None:
            granted = grant_read(app.database, role, without_sensitive=without_sensitive)
    finally:
        app.database.close()
    if as_json:
        told = None if granted is None else asdict(granted)
        say_json({"database": app.database.shown_url, "from": before, "to": after, "granted": told})
        return 0
    if before == after:
        say(f"{app.database.shown_url} is up to date at revision {after}.")
    else:
        say(f"{app.database.shown_url} went from {before or 'empty'} to revision {after}.")
    if granted is not None:
        less = " without sensitive columns" if granted.without_sensitive else ""
        say(
            f"{printable(granted.role)} may read {len(granted.columns)} tables and views "
            f"of schema {printable(granted.schema)}{less}."
        )
    return 0


@click.command()
@json_option
def models(as_json: bool) -> int:
    """List the models that can be mirrored.

    Filters are set in the configuration, under [sync.model.NAME].
    """
    from syncer.domain.catalogue.lookup import catalogue

    every = catalogue().values()
    if as_json:
        say_json(
            [
                {
                    "name": each.name,
                    "title": each.title,
                    "meaning": each.meaning,
                    "path": each.path,
                    "columns": [column.name for column in each.columns],
                    "tables": [
                        *(link.table for link in each.links),
                        *(child.table for child in each.children),
                    ],
                    "features": {
                        "incremental": each.features.updated_after,
                        "deletions": each.features.include_deleted,
                        "ids": each.features.ids,
                        "remote_ids": each.features.remote_ids,
                    },
                    "filters": [one.name for one in each.filters],
                }
                for each in every
            ]
        )
        return 0
    shown = table("model", "path", "columns", "incremental", "deletions", "filters", numbers=("columns",))
    for each in every:
        shown.add_row(
            each.name,
            each.path,
            str(len(each.columns)),
            "yes" if each.features.updated_after else "no",
            "yes" if each.features.include_deleted else "no",
            ", ".join(one.name for one in each.filters),
        )
    show(shown)
    return 0
