"""``syncer query``: read-only SQL, as a table for people and CSV or JSON for programs."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import click

from syncer.cli.interrupt import INTERRUPTED
from syncer.cli.options import pass_session
from syncer.cli.output import is_terminal, print_note
from syncer.cli.session import Session
from syncer.cli.streams import read_stdin

if TYPE_CHECKING:
    from syncer.operations.query import Query

#: Rows that a table on a terminal shows where no limit is named.
TABLE_LIMIT = 100
#: In place of a file, or of a statement: it is read from standard input.
STDIN = "-"
#: Seconds that a query gets to end after Ctrl-C. A function in C may never hear of it.
GRACE = 0.7


@click.command()
@click.argument("sql", required=False)
@click.option("-f", "--file", metavar="FILE", help="Read the statement from a file; - is standard input.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "jsonl"]),
    help="table on a terminal, csv in a pipe unless given.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="A value for :NAME in the statement."
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Show so many rows, 0 all; {TABLE_LIMIT} for a table on a terminal unless given.",
)
@click.option(
    "--spreadsheet",
    is_flag=True,
    help="With csv: begin texts with ' that a spreadsheet would run as a formula.",
)
@click.option(
    "--as-of",
    "moment",
    metavar="MOMENT",
    help="Read the mirror as it was then, such as 2026-03-01 or 2026-03-01T12:00Z; needs [history].",
)
@pass_session
def query(
    session: Session,
    sql: str | None,
    file: str | None,
    form: str | None,
    as_json: bool,
    params: tuple[str, ...],
    limit: int | None,
    spreadsheet: bool,
    moment: str | None,
) -> int:
    """Run one SQL statement on the mirror, read-only.

    SQL may be - to read it from standard input.

    \b
    syncer query "SELECT model, state, lag_seconds FROM mirror_freshness"
    syncer query "SELECT * FROM hris_employees_live WHERE last_name = :name" --param name=Müller
    syncer query --as-of 2026-03-01 "SELECT count(*) FROM hris_employees_live"
    """
    from syncer.operations.query import Query

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude each other.")
    form = form or ("json" if as_json else "table" if is_terminal() else "csv")
    if limit is None and form == "table" and is_terminal():
        limit = TABLE_LIMIT
    if spreadsheet and form != "csv":
        raise click.UsageError("--spreadsheet goes with --format csv.")
    parameters = dict(_pair(each) for each in params)
    as_of = None if moment is None else _moment(moment)
    if (sql is None) == (file is None):
        raise click.UsageError("Give one statement: as SQL, or by --file.")
    source = STDIN if sql == STDIN else file
    statement = (_read_statement(source) if source is not None else sql or "").strip().rstrip(";")
    if not statement:
        raise click.UsageError("There is no statement to run.")
    with session.opened_app() as app:
        return _run(Query(app, statement, parameters, as_of=as_of), form, limit or None, spreadsheet)


def _moment(text: str) -> datetime:
    from syncer.domain.moments import parse_moment

    try:
        return parse_moment(text)
    except ValueError as error:
        raise click.UsageError(f"--as-of {text} {error}.") from None


def _read_statement(file: str) -> str:
    """Read the statement from a file, or from standard input. Raises UsageError."""
    try:
        return read_stdin() if file == STDIN else Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        name = "Standard input" if file == STDIN else file
        raise click.UsageError(f"{name} is not a text in UTF-8.") from None
    except OSError as error:
        raise click.UsageError(f"--file {file} cannot be read: {error.strerror}.") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"--param {text}: write NAME=VALUE.")
    return name, value


def _run(query: Query, form: str, limit: int | None, spreadsheet: bool) -> int:
    """Run the query in a thread, so that Ctrl-C is heard here and stops it in the database."""
    with ThreadPoolExecutor(1, thread_name_prefix="query") as pool:
        work = pool.submit(_print_answer, query, form, limit, spreadsheet)
        try:
            work.result()
        except KeyboardInterrupt:
            if sys.stderr.isatty():
                # The shell's prompt goes below the ^C.
                print_note("")
            # Beside: a server that is silent takes its time to be told.
            Thread(target=query.cancel, daemon=True).start()
            try:
                work.exception(GRACE)
            except (KeyboardInterrupt, TimeoutError):
                # A database that does not let go, or a reader: there is nothing here to lose.
                os._exit(INTERRUPTED)
            return INTERRUPTED
    return 0


def _print_answer(query: Query, form: str, limit: int | None, spreadsheet: bool) -> None:
    from syncer.cli.query_output import WRITERS, write_csv

    with query.run() as answer:
        if spreadsheet:
            write_csv(answer, limit, for_spreadsheet=True)
        else:
            WRITERS[form](answer, limit)
