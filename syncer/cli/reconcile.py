"""``syncer reconcile``: full walks and sweeps now, and approval of held deletions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.output import is_terminal, print_line
from syncer.cli.session import Session
from syncer.cli.stream_pass import run_pass
from syncer.domain.errors import UsageError
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.domain.stream_key import StreamKey
    from syncer.operations.held import HeldRows


@click.command()
@stream_options
@click.option("--approve", is_flag=True, help="Mark what is held back, after asking Kombo for it once more.")
@click.option("--yes", is_flag=True, help="With --approve and no selection: do not ask, approve all streams.")
@json_option
@pass_session
def reconcile(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    approve: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Read everything whole now, and look into what is missing.

    Rows that Kombo does not know any more are marked deleted, unless there are so many that they are held
    back. With --approve only the streams that have such rows are looked at: those selected, or all of them
    after a question.

    \b
    syncer reconcile --model hris_employees
    syncer reconcile --integration 'personio:*' --approve
    """
    from syncer.domain.streams.stream import Mode

    if yes and not approve:
        raise UsageError("--yes goes with --approve.")
    is_of_all = not (integrations or models or environments)
    if approve and not yes and is_of_all and not _is_meant(session, as_json):
        print_line("Nothing is approved.")
        return 1
    mode = Mode.APPROVE if approve else Mode.RESTART
    # A second reconcile would begin anew: a backfill finishes the walks.
    resume_with = "reconcile --approve" if approve else "backfill"
    return run_pass(
        session, mode, environments, integrations, models, as_json=as_json, resume_with=resume_with
    )


def _is_meant(session: Session, as_json: bool) -> bool:
    """Ask whether all held rows of all streams are to be approved; where nothing is held that harms nobody.

    Raises UsageError where there is nobody to ask.
    """
    from syncer.operations.held import held_rows

    with session.opened_app() as app:
        held = held_rows(app)
    if not held:
        return True
    if as_json or not (is_terminal() and sys.stdin.isatty()):
        raise UsageError(
            f"{_total(held)}: select what is approved by --integration and --model, "
            "or approve all of it by --yes. `syncer status` shows what is held."
        )
    for key, rows in held.items():
        examples = ", ".join(rows.examples)
        print_line(printable(f"{key.integration_id} {key.model}: {rows.described}, such as {examples}"))
    return click.confirm(f"{_total(held)}. Mark them deleted, as far as Kombo still does not know them?")


def _total(held: Mapping[StreamKey, HeldRows]) -> str:
    rows = sum(each.rows for each in held.values())
    integrations = len({key.integration_id for key in held})
    return (
        f"{rows:,} row{'' if rows == 1 else 's'} of {len(held):,} stream{'' if len(held) == 1 else 's'} "
        f"of {integrations:,} integration{'' if integrations == 1 else 's'} "
        f"{'is' if rows == 1 else 'are'} held back"
    )
