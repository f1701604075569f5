"""``syncer migrate``: upgrade of the database."""

from __future__ import annotations

import click
from msgspec.structs import asdict

from syncer.cli.options import json_option, pass_session
from syncer.cli.output import print_json, print_line
from syncer.cli.session import Session
from syncer.domain.texts.printable import printable


@click.command()
@click.option("--from", "copy_from", metavar="URL", help="Copy all rows of another database into this one.")
@click.option("--grant-read", "role", metavar="ROLE", help="Let a role of PostgreSQL read the mirror.")
@click.option(
    "--without-sensitive", is_flag=True, help="All but sensitive columns, and views <table>_safe for it."
)
@click.option(
    "--integration",
    "integrations",
    metavar="ID",
    multiple=True,
    help="Only rows of this integration; can be repeated. From PostgreSQL 15 on.",
)
@click.option("--all-integrations", is_flag=True, help="Rows of all integrations again.")
@click.option("--sql", "as_sql", is_flag=True, help="Print the SQL of an upgrade, and change nothing.")
@click.option("--move-to", "move_to", metavar="SCHEMA", help="Move the mirror to a schema of PostgreSQL.")
@json_option
@pass_session
def migrate(
    session: Session,
    copy_from: str | None,
    role: str | None,
    without_sensitive: bool,
    integrations: tuple[str, ...],
    all_integrations: bool,
    move_to: str | None,
    as_sql: bool,
    as_json: bool,
) -> int:
    """Make the database, or upgrade it to this version.

    With --from the rows of another database of this version are copied into it, which must be empty: the
    mirror goes on where that one was. Stop what works on that one first.

    With --grant-read a role may then read the tables and views of the mirror, not the bookkeeping. Run it
    again after an upgrade: until then the role does not see what is new. With --integration it sees the rows
    of these integrations alone, until another list, or --all-integrations, is given for it.

    With --sql it prints what an upgrade would run, for psql and a role that may change the tables.

    With --move-to it upgrades nothing: the mirror as it is goes to another schema, which is made where there
    is none. Stop the service before.

    \b
    syncer migrate
    syncer migrate --from sqlite:///kombo.db
    syncer migrate --grant-read reporting --without-sensitive
    """
    from syncer.operations import migrate as operation

    if without_sensitive and role is None:
        raise click.UsageError("--without-sensitive needs --grant-read ROLE.")
    if (integrations or all_integrations) and role is None:
        raise click.UsageError("--integration and --all-integrations need --grant-read ROLE.")
    if integrations and all_integrations:
        raise click.UsageError("Name integrations, or take --all-integrations.")
    if sum((role is not None, move_to is not None, as_sql)) > 1 or (as_sql and as_json):
        raise click.UsageError(
            "--sql, --move-to and --grant-read are commands of their own; --sql has no --json."
        )
    if as_sql:
        with session.opened_app() as app:
            statements = app.upgrade_sql()
            print_line(statements.rstrip() if statements else "-- There is nothing to upgrade.")
        return 0
    if move_to is not None:
        return _move(session, move_to, as_json=as_json)
    with session.opened_app() as app:
        database = app.database.shown_url
        done = operation.migrate(
            app,
            copy_from=copy_from,
            role=role,
            without_sensitive=without_sensitive,
            integrations=integrations,
            all_integrations=all_integrations,
        )
    granted = done.granted
    if as_json:
        document = None if granted is None else asdict(granted)
        told = {"database": database, "from": done.before, "to": done.after, "granted": document}
        print_json({**told, "copied": dict(done.copied)})
        return 0
    if done.before == done.after:
        print_line(f"{database} is up to date at revision {done.after}.")
    else:
        print_line(f"{database} went from {done.before or 'empty'} to revision {done.after}.")
    if copy_from is not None:
        tables = sum(map(bool, done.copied.values()))
        print_line(f"{sum(done.copied.values()):,} rows of {tables} tables have been copied into it.")
    if granted is not None:
        less = " without sensitive columns" if granted.without_sensitive else ""
        print_line(
            f"{printable(granted.role)} may read {len(granted.columns)} tables and views "
            f"of schema {printable(granted.schema)}{less}."
        )
        if granted.integrations:
            print_line(f"It sees rows of {', '.join(map(printable, granted.integrations))} alone.")
        if granted.taken_back:
            names = ", ".join(map(printable, granted.taken_back))
            print_line(f"It had been granted more, which was taken back: {names}.")
    return 0


def _move(session: Session, schema: str, *, as_json: bool) -> int:
    """Move the mirror, and say what to set."""
    from syncer.operations import migrate as operation

    with session.opened_app() as app:
        database = app.database.shown_url
        moved = operation.move(app, schema)
    if as_json:
        print_json({"database": database, **asdict(moved)})
        return 0
    if moved.before == moved.after:
        print_line(f"The mirror in {database} is in schema {schema} already.")
        return 0
    print_line(
        f"{moved.relations} tables and views went from schema {printable(moved.before)} to {schema}, with "
        "all their rows and grants."
    )
    print_line(
        f'Before anything else runs: set schema = "{schema}" in [database], '
        f"or SYNCER_DATABASE__SCHEMA={schema}."
    )
    return 0
