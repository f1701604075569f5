"""``syncer passthrough preview``: one page of a configured native list as it would be stored."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.completion_values import complete_integrations, complete_native_lists
from syncer.cli.options import environment_option, json_option, pass_session
from syncer.cli.output import print_json, print_line, print_rich
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.operations.preview import Preview

#: Characters of a document that are shown where there are no columns.
SHOWN = 80


@click.command("preview", short_help="Show a page of a configured list as it would be stored.")
@click.argument("name", metavar="NAME", shell_complete=complete_native_lists)
@click.option(
    "--integration",
    metavar="ID",
    shell_complete=complete_integrations,
    help="From this integration; else from the first that the list is mirrored for.",
)
@environment_option
@json_option
@pass_session
def preview(
    session: Session, name: str, integration: str | None, environments: tuple[str, ...], as_json: bool
) -> int:
    """Fetch one page of a [[passthrough]] of the configuration and show what would be stored.

    The exit code is 1 where a record of it has no usable key or does not fit a column.

    \b
    syncer passthrough preview hibob_work_history
    """
    from syncer.operations import preview as operation

    async def fetch() -> Preview:
        async with session.app() as app:
            return await operation.preview(app, name, integration, environments)

    found = asyncio.run(fetch())
    is_well = not found.poisons and not any(row.notes for row in found.rows)
    if as_json:
        print_json(_document(name, found))
    else:
        _print(name, found)
    return 0 if is_well else 1


def _document(name: str, found: Preview) -> dict[str, Any]:
    return {
        "resource": name,
        "integration": found.integration_id,
        "records": [
            {
                "record_key": row.id,
                "parent": row.values["parent"],
                "columns": json.loads(row.values["columns"] or "null"),
                "document": json.loads(row.document),
                "notes": list(row.notes),
            }
            for row in found.rows
        ],
        "quarantined": [{"record": each.id, "reason": each.reason} for each in found.poisons],
        "has_more": found.next is not None,
    }


def _print(name: str, found: Preview) -> None:
    columns = list(json.loads(found.rows[0].values["columns"] or "{}")) if found.rows else []
    if found.rows:
        rows = []
        for row in found.rows:
            values = json.loads(row.values["columns"] or "{}")
            cells = [_cell(values[column]) for column in columns] or [_short(row.document)]
            rows.append((printable(row.id), *map(printable, cells)))
        names = columns or ["document"]
        print_rich(report_table(("record_key", *names), rows, folds=names))
        print_line()
    for row in found.rows:
        for note in row.notes:
            print_line(printable(f"{row.id}: {note}"))
    for poison in found.poisons:
        print_line(printable(f"not stored: {poison.reason}"))
    number = f"{len(found.rows)} record{'' if len(found.rows) == 1 else 's'}"
    more = "; the list goes on" if found.next is not None else ""
    print_line(f"{name} of {found.integration_id}: {number} on this page{more}. Nothing was stored.")


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(document: str) -> str:
    return document if len(document) <= SHOWN else f"{document[: SHOWN - 1]}…"
