"""Report of the demo: the first load, then what happens at the source and what arrives in the mirror."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.output import console, is_terminal, own_command, print_line, time_of_day, write_line
from syncer.domain.durations import describe_elapsed
from syncer.domain.stream_key import StreamKey
from syncer.domain.texts.printable import printable
from syncer.domain.webhooks.effects import lists_of
from syncer.domain.webhooks.event import EventType

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.progress import Tally
    from syncer.store.db.last_work import Done
    from syncer.sync.context import Progress, Result

#: Changes that are read from the feed at once, and how many of them are printed.
MOST_READ, MOST_TOLD = 500, 5
_QUERIES = (
    """
    SELECT g.name, count(*) AS people
    FROM hris_employees_live e
    JOIN hris_employees_groups l ON l.employee_id = e.id
    JOIN hris_groups_live g ON g.id = l.group_id
    GROUP BY g.name ORDER BY people DESC
    """,
    """
    SELECT display_full_name, job_title, employment_status, mirrored_at
    FROM hris_employees ORDER BY mirrored_at DESC LIMIT 10
    """,
    """
    SELECT model, state, rows_live, rows_deleted, complete_as_of, lag_seconds
    FROM mirror_freshness ORDER BY model
    """,
)


class DemoWatch:
    """Report of the demo: progress of the first load, then each change at the source and in the mirror."""

    def __init__(self, app: App, config: Path, port: int) -> None:
        from syncer.cli.progress import Bars, Tally
        from syncer.domain.catalogue.lookup import catalogue

        self.filled = asyncio.Event()
        self._app = app
        self._streams: Collection[StreamKey] = [
            StreamKey(integration.id, model)
            for integration in app.settings.integrations
            for model in catalogue()
        ]
        self._config = config
        self._port = port
        self.tally: Tally = Bars(console()) if is_terminal() else Tally()
        self.tally.plan(list(self._streams))
        self._first: dict[StreamKey, Result] = {}
        #: When changes were made that have not arrived, and when each stream's run began.
        self._made: dict[StreamKey, list[float]] = {}
        self._began: dict[StreamKey, float] = {}

    def __call__(self, step: Progress) -> None:
        if self.filled.is_set():
            self._print_arrival(step)
            return
        self.tally(step)
        if step.result is not None:
            # On a slow machine a stream's second run may end before another's first.
            self._first.setdefault(step.key, step.result)
        if self._first.keys() >= set(self._streams):
            self.tally.stop()
            for line in self._introduction():
                print_line(line)
            self.filled.set()

    def noticed(self, integration_id: str, name: str) -> None:
        """Note when something changed at the source; name: as webhooks have it."""
        for model in lists_of(EventType.DATA_CHANGED, [name]) or ():
            self._made.setdefault(StreamKey(integration_id, model), []).append(time.monotonic())

    def changed(self, _integration_id: str, sentence: str) -> None:
        """Print a change at the source."""
        _print_event("source", sentence)

    async def tell_changes(self) -> None:
        """Print what the change feed tells, from the end of the first load on."""
        from syncer.store.reading.changes import feed_state, read_changes

        database, loop, committed = self._app.database, asyncio.get_running_loop(), asyncio.Event()

        def wake(_: Done) -> None:
            loop.call_soon_threadsafe(committed.set)

        await self.filled.wait()
        position = (await database.ask(feed_state)).newest
        with database.after_commit(wake):
            while True:
                await committed.wait()
                committed.clear()
                page = await database.ask(partial(read_changes, after=position, limit=MOST_READ))
                position = page.next
                for each in page.changes[:MOST_TOLD]:
                    members = "" if each.members is None else f": {', '.join(each.members)}"
                    _print_event("told", f"{each.sequence:,} {each.model} {each.operation}{members}", "cyan")
                if len(page.changes) > MOST_TOLD:
                    _print_event("told", f"and {len(page.changes) - MOST_TOLD:,} more", "cyan")
                if not page.is_last:
                    committed.set()

    def _print_arrival(self, step: Progress) -> None:
        from syncer.cli.progress import effects

        if step.step == "begun":
            self._began[step.key] = time.monotonic()
        if step.result is None:
            return
        made = self._arrived(step.key)
        if step.result.counts.written:
            news = [each for each in effects(step.result.counts) if "unchanged" not in each]
            if made is not None:
                news.append(f"arrived {describe_elapsed(time.monotonic() - made)} after it was made")
            _print_event("mirror", f"{step.key.model}: {', '.join(news)}", colour="green")
        elif not step.result.outcome.is_well and step.result.error:
            _print_event("mirror", f"{step.key.model}: {step.result.error}", colour="red")

    def _arrived(self, key: StreamKey) -> float | None:
        """Forget the changes that a run has read, and give the time of the first; None: it has read none.

        Those that were made while it went on may be among them or not: another run comes for them.
        """
        made = self._made.pop(key, [])
        later = [at for at in made if at > self._began.get(key, 0.0)]
        if later and len(later) < len(made):
            self._made[key] = later
        return min(made, default=None)

    def _introduction(self) -> list[str]:
        from syncer.cli.progress import counted

        rows = sum(result.counts.created for result in self._first.values())
        program = f"{own_command()} --config {shlex.quote(str(self._config))}"
        elapsed = describe_elapsed(self.tally.seconds)
        lines = [
            f"{counted(rows, 'row')} of {len(self._first)} models arrived in {elapsed}.",
            "",
            "Ask the mirror in a second terminal:",
            "",
        ]
        for query in _QUERIES:
            lines += [f"  {program} query {shlex.quote(query.rstrip())}", ""]
        return [
            *lines,
            f"The status page is at http://127.0.0.1:{self._port}/.",
            "",
            "Ask as your application asks Kombo, which is answered from the mirror (x-mirror: hit):",
            "",
            f"  {self._call()}",
            "",
            "From now on the company lives: what happens at the source, what arrives in the mirror, and what",
            "the change feed tells of it. Webhooks announce it.",
            "Ctrl-C ends it.",
            "",
        ]

    def _call(self) -> str:
        """Write a command that asks the gateway for a list."""
        from syncer.daemon.web.gateway import PATH as GATEWAY_PATH

        settings = self._app.settings
        token, integration = settings.gateway.token.get_secret_value(), settings.integrations[0].id
        url = f"http://127.0.0.1:{self._port}{GATEWAY_PATH}hris/groups?page_size=2"
        headers = (f"Authorization: Bearer {token}", f"X-Integration-Id: {integration}")
        return shlex.join(["curl", "-si", *(part for each in headers for part in ("-H", each)), url])


def _print_event(place: str, text: str, colour: str | None = None) -> None:
    # Colours are for those who have not asked to be spared them.
    is_coloured = is_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    mark: Callable[..., str] = click.style if is_coloured else lambda text, **_: text
    write_line(f"{mark(time_of_day(), dim=True)}  {mark(place, fg=colour)}  {printable(text)}")
