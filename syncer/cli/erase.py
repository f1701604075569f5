"""``syncer erase``: a person's record, and all that tells of it, for good."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from syncer.cli.completion_values import complete_integrations, complete_models
from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import environment_option, json_option, pass_session
from syncer.cli.output import is_terminal, print_json, print_line, print_note, print_rich
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.errors import UsageError
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.domain.erasure.receipt import Receipt
    from syncer.operations.erase import Wanted


@click.command()
@click.argument("model", required=False, shell_complete=complete_models)
@click.option(
    "--id", "record_id", metavar="ID", help="Kombo's id of the record, or its key in a native list."
)
@click.option("--remote-id", metavar="ID", help="The connected tool's id; with --integration.")
@click.option(
    "--integration",
    metavar="ID",
    shell_complete=complete_integrations,
    help="The integration that the record is of; with --id only needed where the mirror has no row of it.",
)
@click.option("--only", is_flag=True, help="Leave the records that are about it, such as absences.")
@click.option(
    "--reason", metavar="TEXT", help="A note for the receipt, which is kept: write nothing personal into it."
)
@click.option("--dry-run", is_flag=True, help="Show what would be erased, and erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--list", "is_list", is_flag=True, help="List the receipts of what was erased.")
@click.option("--undo", metavar="RECEIPT", help="Let what was erased be read from Kombo again.")
@environment_option
@json_option
@pass_session
def erase(
    session: Session,
    model: str | None,
    record_id: str | None,
    remote_id: str | None,
    integration: str | None,
    only: bool,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    is_list: bool,
    undo: str | None,
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Erase a record and what is about it, for good.

    Its row goes, the records that are about it, copies of it in others, and what quarantine, change feed and
    history have of it; pages that bring it again store nothing of it. The receipt says no more than how many
    rows that were.

    \b
    syncer erase hris_employees --id 26vafvWSRmbhNcxJYqjCzuJg --dry-run
    syncer erase ats_candidates --remote-id 4711 --integration greenhouse:8d1hpPsbjxUkoCoa1veLZGe5
    syncer erase --list
    """
    from syncer.operations.erase import Wanted

    named = any((model, record_id, remote_id, integration, only, reason, dry_run))
    if is_list or undo is not None:
        if named or (is_list and undo is not None):
            raise UsageError("--list and --undo go with no record, and not with each other.")
        return _list(session, environments, as_json) if undo is None else _undo(session, undo, as_json)
    if model is None:
        raise UsageError("Name the MODEL of the record, such as hris_employees.")
    wanted = Wanted(model, record_id, remote_id, integration, only, reason)
    if dry_run or not yes:
        expected = _preview(session, wanted, environments)
        if dry_run:
            _print_receipt(expected, as_json, is_preview=True)
            return 0
        if not _is_meant(expected, as_json):
            print_line("Nothing is erased.")
            return 1
    return _erase(session, wanted, environments, as_json)


def _preview(session: Session, wanted: Wanted, environments: tuple[str, ...]) -> Receipt:
    from syncer.operations import erase as operation

    with session.opened_app() as app:
        return operation.preview(app, wanted, environments)


def _is_meant(expected: Receipt, as_json: bool) -> bool:
    """Ask whether it is to be erased. Raises UsageError where there is nobody to ask."""
    if as_json or not (is_terminal() and sys.stdin.isatty()):
        raise UsageError("Erasing asks first: --dry-run shows what would go, --yes answers the question.")
    _print_counts(expected)
    return click.confirm("Erase it? Only Kombo has it then.")


def _erase(session: Session, wanted: Wanted, environments: tuple[str, ...], as_json: bool) -> int:
    from syncer.cli.reproject import ReprojectionProgress
    from syncer.operations import erase as operation

    # In a pipe the result alone; on a terminal one sees how far it is.
    progress = ReprojectionProgress(is_silent=as_json or not is_terminal())
    app = session.app()
    work = operation.erase(app, wanted, environments, report=progress)
    receipt = run_interruptible(app, work, note=progress.note, stop_progress=progress.stop)
    if receipt is None:
        print_note("Interrupted.")
        return INTERRUPTED
    _print_receipt(receipt, as_json)
    return 0 if receipt.finished_at is not None else 1


def _undo(session: Session, receipt_id: str, as_json: bool) -> int:
    from syncer.operations import erase as operation

    app = session.app()
    receipt = run_interruptible(app, operation.undo(app, receipt_id))
    if receipt is None:
        print_note("Interrupted.")
        return INTERRUPTED
    if as_json:
        print_json(receipt.value())
    else:
        print_line(
            f"What was erased of {receipt.model} may be read again: the lists of its integration are due, "
            "and the service or `syncer sync` reads them whole."
        )
    return 0


def _list(session: Session, environments: tuple[str, ...], as_json: bool) -> int:
    from syncer.operations import erase as operation

    with session.opened_app() as app:
        found = operation.list_erasures(app, environments)
    if as_json:
        print_json([each.value() for each in found])
        return 0
    if not found:
        print_line("Nothing was erased.")
        return 0
    rows = [
        (
            each.id,
            f"{each.at:%Y-%m-%d %H:%M}",
            each.model,
            each.integration_id,
            each.state,
            f"{sum(each.erased.values()):,}",
            printable(each.reason or ""),
        )
        for each in found
    ]
    columns = ("receipt", "at", "model", "integration", "state", "rows", "reason")
    print_rich(
        report_table(columns, rows, numbers=("rows",), drop=("integration", "rows", "at"), folds=("reason",))
    )
    return 0


def _print_receipt(receipt: Receipt, as_json: bool, *, is_preview: bool = False) -> None:
    if as_json:
        value = receipt.value()
        print_json({**value, "receipt": None, "state": "not erased"} if is_preview else value)
        return
    _print_counts(receipt)
    if is_preview:
        print_line("Nothing is erased: that is what would be.")
    elif receipt.finished_at is None:
        print_line(
            f"Erased, receipt {receipt.id}. Copies in other records are still looked for: the service goes "
            "on, and so does `syncer reproject`."
        )
    else:
        print_line(f"Erased, receipt {receipt.id}. It is kept out from now on.")


def _print_counts(receipt: Receipt) -> None:
    rows = [
        *_rows("erased", receipt.erased),
        *_rows("loses what it says of it", receipt.mentioned),
    ]
    if rows:
        print_rich(report_table(("table", "rows", "becomes"), rows, numbers=("rows",)), "")
    else:
        print_line(f"The mirror has no row of this record of {receipt.model}, nor of what is about it.")


def _rows(becomes: str, counts: Mapping[str, int]) -> list[tuple[str, str, str]]:
    return [(name, f"{number:,}", becomes) for name, number in counts.items() if number]
