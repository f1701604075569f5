"""One pass over the selected streams with its progress, for ``backfill``, ``sync`` and ``reconcile``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.output import console, is_terminal, print_json, print_line, print_note
from syncer.cli.session import Session
from syncer.domain.errors import TableUnavailable
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.domain.streams.stream import Mode


def run_pass(
    session: Session,
    mode: Mode,
    environments: Sequence[str],
    integrations: Sequence[str],
    models: Sequence[str],
    *,
    as_json: bool,
    resume_with: str,
    may_create: bool = False,
) -> int:
    """Run the streams and print their results; gives the exit code.

    resume_with: the command that goes on after an interruption. may_create: make SQLite's file where there is
    none.
    """
    from syncer.cli import pass_results as results_of_pass
    from syncer.cli.progress import Bars, Lines, Tally
    from syncer.domain.streams.state import Outcome
    from syncer.domain.streams.stream import Mode
    from syncer.operations import sync as operation
    from syncer.sync.context import Result

    app = session.app()
    tally, note = Tally(), print_note
    if is_terminal() and not as_json:
        tally = bars = Bars(console())
        note, app.on_wait = bars.note, bars.wait_for_limit
    elif not as_json:
        tally = Lines(lambda line: print_line(printable(line)))
    work = operation.sync(
        app,
        mode,
        environments=environments,
        integrations=integrations,
        models=models,
        report=tally,
        planned=tally.plan,
        may_create=may_create,
    )
    results = run_interruptible(app, work, note=note, stop_progress=tally.stop)
    if results is None:
        # One for each stream, also for those that the interruption kept from running.
        results = [tally.results.get(key) or Result(key, Outcome.STOPPED) for key in tally.planned]
    is_well = results_of_pass.summarize(results).is_well
    if as_json:
        print_json(results_of_pass.document(results, tally.seconds))
    elif mode is Mode.APPROVE and not results and not app.stopping.is_set():
        print_line("Nothing is held back.")
    elif is_terminal():
        results_of_pass.print_table(results, tally.seconds)
    else:
        results_of_pass.print_rest(results, tally.seconds)
    if app.stopping.is_set() and not (results and is_well):
        print_note(f"Interrupted. `syncer {resume_with}` goes on where it stopped.")
        return INTERRUPTED
    if any(result.is_table_unavailable for result in results):
        return TableUnavailable.exit_code
    return 0 if is_well else 1
