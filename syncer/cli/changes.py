"""``syncer changes``: the change feed as a table for people and JSON lines for programs; its consumers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.output import is_terminal, print_json, print_line, print_rich
from syncer.cli.session import Session
from syncer.cli.streams import write_in_utf8
from syncer.cli.tables import report_table
from syncer.domain.texts.printable import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from syncer.store.reading.changes import FeedPage

#: Digits of numbers that every database takes.
_MOST_DIGITS = 18
_COLUMNS = "{:>10}  {:<19}  {:<8}  {:<28}  {:<24}  {}"


def _sequence(text: str) -> int | Literal["newest"]:
    """Parse a number of the feed, or the word for its newest."""
    if text == "newest":
        return "newest"
    if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
        return int(text)
    raise click.BadParameter(f"{text} is no number of the feed: give one such as 0, or `newest`.")


@click.group(invoke_without_command=True)
@click.option(
    "--after", type=_sequence, metavar="N", help="Show what comes after this number, or after `newest`."
)
@click.option(
    "--consumer",
    metavar="NAME",
    help="Go on after what NAME has acknowledged, and acknowledge what is shown.",
)
@stream_options
@click.option("--follow", is_flag=True, help="Wait for what is new, until Ctrl-C.")
@click.option("--documents", is_flag=True, help="Show each record, too, as the mirror holds it now.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Show so many changes at most.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON lines on a terminal, too.")
@click.pass_context
def changes(
    context: click.Context,
    after: int | Literal["newest"] | None,
    consumer: str | None,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    follow: bool,
    documents: bool,
    limit: int | None,
    as_json: bool,
) -> int | None:
    """Show what changed in the mirror, in order.

    A table on a terminal; in a pipe, and with --documents, a JSON object on each line.

    \b
    syncer changes --limit 20
    syncer changes --consumer payroll --model 'hris_*' --follow
    """
    if context.invoked_subcommand is not None:
        selecting = (consumer, integrations, models, environments)
        if any((after is not None, *selecting, follow, documents, limit, as_json)):
            raise click.UsageError(f"Options of `changes {context.invoked_subcommand}` stand behind it.")
        return None
    if after is not None and consumer is not None:
        raise click.UsageError("--after and --consumer say both where to begin: give one of them.")
    from syncer.operations import changes as operation

    write = _write_lines if as_json or documents or not is_terminal() else _TableWriter()
    write_in_utf8()
    session: Session = context.obj
    with session.opened_app() as app:
        operation.check_feed(app)
        pages = operation.read_pages(
            app,
            after=after,
            consumer=consumer,
            selection=operation.select_changes(app, models, integrations, environments),
            documents=documents,
            limit=limit,
            follow=follow,
        )
        for page in pages:
            write(page, documents)
            # What was not written must not be acknowledged.
            sys.stdout.flush()
    return 0


@changes.command("consumers")
@json_option
@pass_session
def consumers(session: Session, as_json: bool) -> int:
    """List the consumers of the feed, and how far each has read.

    \b
    syncer changes consumers
    """
    from syncer.operations import changes as operation
    from syncer.operations.status_report import report_consumer

    with session.opened_app() as app:
        feed, found = operation.list_consumers(app)
    reported = [report_consumer(feed, each) for each in found]
    if as_json:
        print_json(reported)
    elif not reported:
        print_line("The change feed has no consumers.")
    else:
        print_rich(consumer_table(reported))
    return 0


def consumer_table(consumers: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Make the table of consumers as they are reported."""
    numbers = ("acknowledged", "behind", "lost")
    rows = [
        (
            each["name"],
            str(each["sequence"]),
            f"{each['behind']:,}",
            f"{each['lost']:,}",
            each["acknowledged_at"][:16].replace("T", " "),
        )
        for each in consumers
    ]
    return report_table(("consumer", *numbers, "at"), rows, numbers=numbers, drop=("at", "acknowledged"))


@changes.command()
@click.argument("name")
@click.argument("sequence", type=_sequence)
@pass_session
def ack(session: Session, name: str, sequence: int | Literal["newest"]) -> int:
    """Put a consumer at a number: it has seen everything up to there.

    SEQUENCE may be a lower one than before, to read again, or `newest`. A name that is new begins there.

    \b
    syncer changes ack payroll 4711
    syncer changes ack payroll newest
    """
    from syncer.operations import changes as operation

    with session.opened_app() as app:
        number = operation.put_consumer(app, name, sequence)
    print_line(f"{name} is at {number}.")
    return 0


@changes.command()
@click.argument("name")
@pass_session
def forget(session: Session, name: str) -> int:
    """Forget a consumer that reads no more.

    \b
    syncer changes forget payroll
    """
    from syncer.operations import changes as operation

    with session.opened_app() as app:
        operation.forget_consumer(app, name)
    print_line(f"{name} is forgotten.")
    return 0


def _write_lines(page: FeedPage, documents: bool) -> None:
    if page.lost is not None:
        import msgspec

        sys.stdout.write(msgspec.json.encode({"lost": page.lost.value()}).decode() + "\n")
    for each in page.changes:
        sys.stdout.write(printable_json(each.json(documents=documents).decode()) + "\n")


class _TableWriter:
    """Lines of fixed columns, which a terminal gets as they come."""

    def __init__(self) -> None:
        self._has_head = False

    def __call__(self, page: FeedPage, _documents: bool) -> None:
        if not self._has_head:
            self._write("sequence", "at", "what", "model", "record", "members")
            self._has_head = True
        if page.lost is not None:
            lost = page.lost
            sys.stdout.write(
                f"Lost: what came after {lost.after} and before {lost.first} is not kept any more.\n"
            )
        for each in page.changes:
            self._write(
                str(each.sequence),
                f"{each.at:%Y-%m-%d %H:%M:%S}",
                each.operation,
                each.model,
                each.record_id,
                ", ".join(each.members or ()),
            )

    def _write(self, *cells: str) -> None:
        sys.stdout.write(_COLUMNS.format(*map(printable, cells)).rstrip() + "\n")
