"""``syncer reproject``: rows made anew from the stored documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.completion_values import complete_models
from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import json_option, pass_session
from syncer.cli.output import (
    console,
    is_terminal,
    outcome_of,
    print_json,
    print_line,
    print_note,
    print_rich,
)
from syncer.cli.session import Session
from syncer.cli.tables import report_table
from syncer.domain.durations import describe_elapsed

if TYPE_CHECKING:
    import rich.progress

    from syncer.sync.reproject import Reprojected


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_models)
@json_option
@pass_session
def reproject(session: Session, models: tuple[str, ...], as_json: bool) -> int:
    """Make the rows anew from stored documents.

    Kombo is not asked. The other commands do this by themselves where a new version or a change of [privacy]
    needs it.
    MODEL is a name or glob; without one, all models.

    \b
    syncer reproject 'hris_*'
    """
    from syncer.operations import reproject as operation

    progress = ReprojectionProgress(is_silent=as_json)
    app = session.app()
    work = operation.reproject(app, models, report=progress)
    done = run_interruptible(app, work, note=progress.note, stop_progress=progress.stop)
    results = list(progress.steps.values()) if done is None else done
    whole = _totals(results)
    if as_json:
        print_json(
            {
                "outcome": outcome_of(whole["finished"]),
                "models": [_values(each) for each in results],
                "totals": whole,
                "seconds": round(progress.seconds, 3),
            }
        )
    else:
        _print(results, whole, progress.seconds)
    if whole["finished"]:
        return 0
    print_note("Interrupted. `syncer reproject` goes on where it stopped.")
    return INTERRUPTED


class ReprojectionProgress:
    """Progress of a re-projection: a bar for each model on a terminal, elsewhere a line where one ends."""

    def __init__(self, *, is_silent: bool) -> None:
        import time

        self.steps: dict[str, Reprojected] = {}
        self._clock: Callable[[], float] = time.monotonic
        self._began = self._clock()
        self._is_silent = is_silent
        self._bars = _bars() if is_terminal() and not is_silent else None
        self._tasks: dict[str, rich.progress.TaskID] = {}

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return self._clock() - self._began

    def __call__(self, step: Reprojected) -> None:
        self.steps[step.model] = step
        if self._bars is not None:
            self._draw(self._bars, step)
        elif step.is_finished and step.rows and not self._is_silent:
            print_line(line_of(step))

    def note(self, text: str) -> None:
        """Print something for the person who waits."""
        if self._bars is not None:
            self._bars.console.print(text, style="yellow")
        else:
            print_note(text)

    def stop(self) -> None:
        """Show no more."""
        if self._bars is not None:
            self._bars.stop()

    def _draw(self, bars: rich.progress.Progress, step: Reprojected) -> None:
        from syncer.cli.progress import counted

        bars.start()
        if step.model not in self._tasks:
            self._tasks[step.model] = bars.add_task("", total=None, model=step.model, rows="")
        task = self._tasks[step.model]
        # The streams' own count of rows is what to expect, and no promise.
        total = step.expected if 0 < step.expected >= step.rows else None
        bars.update(task, completed=step.rows, total=total, rows=counted(step.rows, "row"))
        if step.is_finished:
            bars.remove_task(task)


def _bars() -> rich.progress.Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.fields[model]}", markup=False),
        BarColumn(bar_width=24, complete_style="cyan", pulse_style="cyan"),
        TextColumn("{task.fields[rows]}", markup=False),
        TimeRemainingColumn(),
        console=console(),
        transient=True,
    )


def line_of(step: Reprojected) -> str:
    """Format the progress of a model as a line of text."""
    from syncer.cli.progress import counted

    end = "" if step.is_finished else ", not finished"
    return f"{step.model}: {counted(step.rows, 'row')} read, {step.written:,} changed{end}"


def _values(step: Reprojected) -> dict[str, Any]:
    return {
        "model": step.model,
        "rows": step.rows,
        "changed": step.written,
        "finished": step.is_finished,
    }


def _totals(results: Sequence[Reprojected]) -> dict[str, Any]:
    return {
        "models": len(results),
        "rows": sum(each.rows for each in results),
        "changed": sum(each.written for each in results),
        "finished": bool(results) and all(each.is_finished for each in results),
    }


def _print(results: Sequence[Reprojected], whole: dict[str, Any], seconds: float) -> None:
    from syncer.cli.progress import counted

    if is_terminal():
        rows = [(each.model, f"{each.rows:,}", f"{each.written:,}") for each in results if each.rows]
        if rows:
            print_rich(report_table(("model", "rows", "changed"), rows, numbers=("rows", "changed")), "")
    else:
        for each in results:
            if not each.is_finished:
                print_line(line_of(each))
    read = counted(whole["rows"], "row")
    elapsed = describe_elapsed(seconds)
    print_line(f"{counted(len(results), 'model')}: {read} read, {whole['changed']:,} changed · {elapsed}")
