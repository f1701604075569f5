"""``syncer backfill`` and ``syncer sync``: one pass over the selected streams."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.interrupt import INTERRUPTED, until_interrupted
from syncer.cli.output import (
    console,
    is_terminal,
    json_option,
    names,
    pass_session,
    printable,
    say,
    say_json,
    selection,
    show,
    table,
)
from syncer.cli.session import Session
from syncer.domain.durations import describe_elapsed

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.progress import Tally
    from syncer.domain.streams.state import Outcome
    from syncer.domain.streams.stream import Mode
    from syncer.sync.context import Result

#: What goes on after an interruption, where it is not the command itself, which would begin anew.
_AGAIN = {"restart": "backfill", "approve": "reconcile --approve"}
_COUNTED = ("created", "updated", "unchanged", "deleted", "restored", "quarantined")


@click.command()
@selection
@click.option("--restart", is_flag=True, help="Walk everything anew, also what is complete or half done.")
@json_option
@pass_session
def backfill(
    session: Session, integrations: tuple[str, ...], models: tuple[str, ...], restart: bool, as_json: bool
) -> int:
    """Read everything that has not been read yet.

    What was interrupted goes on where it stopped; what is complete is skipped.
    """
    from syncer.domain.streams.stream import Mode

    return _run(session, Mode.RESTART if restart else Mode.BACKFILL, integrations, models, as_json)


@click.command()
@selection
@json_option
@pass_session
def sync(session: Session, integrations: tuple[str, ...], models: tuple[str, ...], as_json: bool) -> int:
    """Fetch what has changed, then end: for cron.

    A stream that was never read is read whole.
    """
    from syncer.domain.streams.stream import Mode

    return _run(session, Mode.SYNC, integrations, models, as_json)


@click.command()
@selection
@click.option("--approve", is_flag=True, help="Mark what is held back, after asking Kombo for it once more.")
@json_option
@pass_session
def reconcile(
    session: Session, integrations: tuple[str, ...], models: tuple[str, ...], approve: bool, as_json: bool
) -> int:
    """Read everything whole now, and look into what is missing.

    Rows that Kombo does not know any more are marked deleted, unless there are so many that they are held
    back. With --approve only the streams that have such rows are looked at, all of them or those selected.
    """
    from syncer.domain.streams.stream import Mode

    return _run(session, Mode.APPROVE if approve else Mode.RESTART, integrations, models, as_json)


def _run(
    session: Session, mode: Mode, integrations: Sequence[str], models: Sequence[str], as_json: bool
) -> int:
    from syncer.cli.progress import Bars, Lines, Tally, summary
    from syncer.domain.streams.stream import Mode

    app = session.app()
    tally, note = Tally(), _note
    if is_terminal() and not as_json:
        tally = bars = Bars(console())
        note = bars.note
        _show_no_ends_in_the_log()
    elif not as_json:
        tally = Lines(lambda line: say(printable(line)))
    results = asyncio.run(_pass(app, mode, integrations, models, tally, note))
    if as_json:
        say_json(_as_json(results, tally.seconds))
    elif mode is Mode.APPROVE and not results and not app.stopping.is_set():
        say("Nothing is held back.")
    elif is_terminal():
        _show(results, tally.seconds)
    else:
        _tell(results, tally)
    if app.stopping.is_set() and not (results and summary(results).is_well):
        again = _AGAIN.get(mode.value, mode.value)
        _note(f"Interrupted. `syncer {again}` goes on where it stopped.")
        return INTERRUPTED
    return 0 if summary(results).is_well else 1


async def _pass(
    app: App,
    mode: Mode,
    integrations: Sequence[str],
    models: Sequence[str],
    tally: Tally,
    note: Callable[[str], None],
) -> list[Result]:
    """One result for each stream, also for those that an interruption kept from running."""
    from syncer.domain.streams.state import Outcome
    from syncer.operations import sync as operation
    from syncer.sync.context import Result

    async with app:
        with tally:
            work = operation.sync(
                app, mode, integrations=integrations, models=models, report=tally, planned=tally.plan
            )
            done = await until_interrupted(work, app.stopping, note=note, stop_showing=tally.stop)
    if done is not None:
        return done
    return [tally.results.get(key) or Result(key, Outcome.STOPPED) for key in tally.planned]


def _note(text: str) -> None:
    click.echo(text, err=True)


def _show_no_ends_in_the_log() -> None:
    """A log on the terminal that shows the bars need not tell, too, how each run ended."""

    def is_news(record: logging.LogRecord) -> bool:
        return not (isinstance(record.msg, dict) and record.msg.get("event") == "run_ended")

    if sys.stderr.isatty():
        for handler in logging.getLogger().handlers:
            handler.addFilter(is_news)


def _as_json(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    from syncer.cli.progress import summary

    def counted(counts: Any) -> dict[str, int]:
        numbers = asdict(counts)
        return {name: numbers[name] for name in _COUNTED}

    whole = summary(results)
    return {
        "outcome": "ok" if whole.is_well else "incomplete",
        "streams": [
            {
                "integration": result.key.integration_id,
                "model": result.key.model,
                "outcome": result.outcome.value,
                "kind": result.kind.value if result.kind else None,
                "pages": result.pages,
                **counted(result.counts),
                "error": result.error,
            }
            for result in results
        ],
        "totals": {
            "streams": len(results),
            "outcomes": {outcome.value: number for outcome, number in whole.outcomes.items()},
            "pages": whole.pages,
            **counted(whole.counts),
        },
        "seconds": round(seconds, 3),
    }


def _show(results: Sequence[Result], seconds: float) -> None:
    """A table with a line for each integration, then every stream that is not well and why."""
    from rich.text import Text

    from syncer.cli.progress import summary

    shown = table("integration", "streams", "pages", *_COUNTED[:5], numbers=("pages", *_COUNTED[:5]))
    for integration in dict.fromkeys(result.key.integration_id for result in results):
        part = summary([result for result in results if result.key.integration_id == integration])
        shown.add_row(
            integration,
            _outcomes(part.outcomes),
            f"{part.pages:,}",
            *(f"{getattr(part.counts, name):,}" for name in _COUNTED[:5]),
        )
    show(shown, "")
    for line in _unwell(results):
        show(Text("✗ ", "red").append(printable(line), "default"))
    whole = summary(results)
    if whole.is_well:
        show(Text("✓ ", "green").append(_last_line(results, seconds), "default"))
    else:
        show(Text(_last_line(results, seconds)))


def _tell(results: Sequence[Result], tally: Tally) -> None:
    """What the lines so far have not told: streams that never ran, and the whole."""
    from syncer.cli.progress import line_of
    from syncer.domain.streams.state import Outcome

    for result in results:
        if result.key not in tally.results and result.outcome is not Outcome.STOPPED:
            say(printable(line_of(result)))
    say(_last_line(results, tally.seconds))


def _unwell(results: Sequence[Result]) -> list[str]:
    from syncer.domain.streams.state import Outcome

    alike: dict[tuple[str, Outcome, str | None], list[str]] = {}
    for result in results:
        if not result.outcome.is_well and result.outcome is not Outcome.STOPPED:
            alike.setdefault((result.key.integration_id, result.outcome, result.error), []).append(
                result.key.model
            )
    return [
        f"{integration} {names(models)} {outcome.value}: {error or 'no reason was given'}"
        for (integration, outcome, error), models in alike.items()
    ]


def _last_line(results: Sequence[Result], seconds: float) -> str:
    from syncer.cli.progress import counted, effects, summary

    whole = summary(results)
    news = ", ".join(effects(whole.counts)) or "no records"
    time = describe_elapsed(seconds)
    return f"{counted(len(results), 'stream')}: {_outcomes(whole.outcomes)} · {news} · {time}"


def _outcomes(outcomes: Any) -> str:
    return ", ".join(f"{number} {outcome.value}" for outcome, number in outcomes.most_common())
