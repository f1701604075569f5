"""``syncer reproject``: rows follow the catalogue and the exclusions, out of the stored documents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.interrupt import INTERRUPTED, until_interrupted
from syncer.cli.output import (
    complete_models,
    console,
    is_terminal,
    json_option,
    pass_session,
    say,
    say_json,
    show,
    table,
)
from syncer.cli.session import Session
from syncer.domain.durations import describe_elapsed

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from syncer.app import App
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
    """
    shown = Shown(is_silent=as_json)
    app = session.app()
    results = asyncio.run(_run(app, models, shown))
    whole = _totals(results)
    if as_json:
        say_json(
            {
                "outcome": "ok" if whole["finished"] else "incomplete",
                "models": [_values(each) for each in results],
                "totals": whole,
                "seconds": round(shown.seconds, 3),
            }
        )
    else:
        _tell(results, whole, shown.seconds)
    if whole["finished"]:
        return 0
    click.echo("Interrupted. `syncer reproject` goes on where it stopped.", err=True)
    return INTERRUPTED


async def _run(app: App, models: Sequence[str], shown: Shown) -> list[Reprojected]:
    from syncer.operations import reproject as operation

    async with app:
        try:
            work = operation.reproject(app, models, report=shown)
            done = await until_interrupted(work, app.stopping, note=shown.note, stop_showing=shown.stop)
        finally:
            shown.stop()
    return list(shown.steps.values()) if done is None else done


class Shown:
    """What is told while it goes: a bar for each model on a terminal, a line where one ends elsewhere."""

    def __init__(self, *, is_silent: bool) -> None:
        import time

        self.steps: dict[str, Reprojected] = {}
        self._clock: Callable[[], float] = time.monotonic
        self._began = self._clock()
        self._is_silent = is_silent
        self._bars = _bars() if is_terminal() and not is_silent else None
        self._tasks: dict[str, TaskID] = {}

    @property
    def seconds(self) -> float:
        """Time since the command began."""
        return self._clock() - self._began

    def __call__(self, step: Reprojected) -> None:
        self.steps[step.model] = step
        if self._bars is not None:
            self._draw(self._bars, step)
        elif step.is_finished and step.rows and not self._is_silent:
            say(line_of(step))

    def note(self, text: str) -> None:
        """Say something to the person who waits."""
        if self._bars is not None:
            self._bars.console.print(text, style="yellow")
        else:
            click.echo(text, err=True)

    def stop(self) -> None:
        """Show no more."""
        if self._bars is not None:
            self._bars.stop()

    def _draw(self, bars: Progress, step: Reprojected) -> None:
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


def _bars() -> Progress:
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
    """How far a model has come, as a line of text."""
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


def _tell(results: Sequence[Reprojected], whole: dict[str, Any], seconds: float) -> None:
    from syncer.cli.progress import counted

    if is_terminal():
        read = table("model", "rows", "changed", numbers=("rows", "changed"))
        for each in results:
            if each.rows:
                read.add_row(each.model, f"{each.rows:,}", f"{each.written:,}")
        if read.row_count:
            show(read, "")
    else:
        for each in results:
            if not each.is_finished:
                say(line_of(each))
    rows = counted(whole["rows"], "row")
    time = describe_elapsed(seconds)
    say(f"{counted(len(results), 'model')}: {rows} read, {whole['changed']:,} changed · {time}")
