"""``syncer demo``: a made-up company that lives, and the service that mirrors it, in one process."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click

from syncer.cli.options import pass_session
from syncer.cli.output import console, is_terminal, own_command, print_line, time_of_day, write_line
from syncer.cli.session import Session
from syncer.domain.durations import describe_elapsed
from syncer.domain.errors import UsageError
from syncer.domain.stream_key import StreamKey
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.progress import Tally
    from syncer.config.settings import Settings
    from syncer.simulator.server.environment import Environment
    from syncer.sync.context import Progress, Result

RECORDS = 5_000
#: Seconds between two changes at the source, and between two syncs of a model.
CHANGE_EVERY = 1.5
SYNC_EVERY = 3
#: Far more than the demo asks for, so that nobody has to wait.
LIMIT, WINDOW = 6_000, 60.0
STATUS_PORT = 8484
_MARK = "# Written by `syncer demo`, and written anew by the next one."
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


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"The port of the status page; {STATUS_PORT} unless given, or any free one where that is taken.",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("syncer-demo"),
    show_default=True,
    help="Where its database and configuration go.",
)
@click.option("--keep", is_flag=True, help="Go on with the database of the last demo.")
@pass_session
def demo(session: Session, port: int | None, directory: Path, keep: bool) -> int:
    """Show everything at work; no account needed.

    A made-up company lives, and the service mirrors it: you see what happens there and what arrives here.
    """
    from syncer.simulator.clock import SimClock
    from syncer.simulator.server.environment import Environment
    from syncer.simulator.server.limit import RateLimit

    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        seed=1,
        integrations=1,
        records=RECORDS,
        api_key="demo",
        limit=RateLimit(time.monotonic, limit=LIMIT, window=WINDOW),
    )
    asyncio.run(_demo(session, environment, _prepare(directory, keep), _free_port(port)))
    print_line(f"\nThe demo has ended; its database stays in {directory}.")
    return 0


def _prepare(directory: Path, keep: bool) -> Path:
    """Make place for the configuration, and give its path. Raises UsageError."""
    from syncer.process.private_files import make_private_folder

    config, database = directory / "config.toml", directory / "demo.db"
    try:
        make_private_folder(directory)
        if config.is_symlink() or (keep and database.is_symlink()):
            raise UsageError(f"{directory} has links in it: name another --directory.")
        if config.exists() and not config.read_text(encoding="utf-8").startswith(_MARK):
            raise UsageError(f"{config} is not the demo's: name another --directory.")
        if not keep:
            for end in ("", "-wal", "-shm"):
                database.with_name(database.name + end).unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"The demo cannot use {directory}: {error.strerror}.") from None
    return config


def _free_port(wanted: int | None) -> int:
    for port in (STATUS_PORT if wanted is None else wanted, 0):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            found: int = listener.getsockname()[1]
            return found
        if wanted is not None:
            raise UsageError(f"Port {wanted} is taken: name another one with --port.")
    raise UsageError("There is no free port for the status page.")


async def _demo(session: Session, environment: Environment, config: Path, port: int) -> None:
    from syncer.daemon.service import run_service
    from syncer.simulator.life.random_change import live
    from syncer.simulator.server.serve import running

    async with running(environment) as base_url:
        settings = _settings(environment, base_url, config, port)
        # No proxy knows the way to what is served here.
        async with session.app(settings=settings, environ={}) as app:
            watch = _Watch(app, config, port)

            async def change() -> None:
                await watch.filled.wait()
                await live(environment, Random(), CHANGE_EVERY, asyncio.sleep, watch.changed)

            changes = asyncio.create_task(change())
            changes.add_done_callback(lambda _: app.stopping.set())
            try:
                await run_service(app, report=watch)
            finally:
                watch.tally.stop()
                changes.cancel()
                with suppress(asyncio.CancelledError):
                    await changes


def _settings(environment: Environment, base_url: str, config: Path, port: int) -> Settings:
    """Write the configuration and read it alone: a real key may be set on this machine."""
    from syncer.config.loading import load_settings
    from syncer.process.private_files import write_private

    try:
        write_private(config, _configuration(environment, base_url, config, port).encode())
    except OSError as error:
        raise UsageError(f"The demo cannot write {config}: {error.strerror}.") from None
    return load_settings(config, environ={}, secrets=config.parent / "no secrets")


def _configuration(environment: Environment, base_url: str, config: Path, port: int) -> str:
    """Format the demo's configuration as TOML, whose strings may be written as JSON writes them."""
    database = f"sqlite:///{config.with_name('demo.db').resolve()}"
    integrations = "\n".join(f"[[integrations]]\nid = {json.dumps(id)}\n" for id in environment.integrations)
    return f"""{_MARK}
[kombo]
api_key = {json.dumps(environment.api_key)}
base_url = {json.dumps(base_url)}

[database]
url = {json.dumps(database)}

{integrations}
[sync]
every = "{SYNC_EVERY}s"

[web]
port = {port}

[log]
level = "WARNING"
"""


class _Watch:
    """Report of the demo: progress of the first load, then each change at the source and in the mirror."""

    def __init__(self, app: App, config: Path, port: int) -> None:
        from syncer.cli.progress import Bars, Tally
        from syncer.domain.catalogue.lookup import catalogue

        self.filled = asyncio.Event()
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

    def changed(self, _integration_id: str, sentence: str) -> None:
        """Print a change at the source."""
        _print_event("source", sentence)

    def _print_arrival(self, step: Progress) -> None:
        from syncer.cli.progress import effects

        if step.result is None:
            return
        if step.result.counts.written:
            news = [each for each in effects(step.result.counts) if "unchanged" not in each]
            _print_event("mirror", f"{step.key.model}: {', '.join(news)}", colour="green")
        elif not step.result.outcome.is_well and step.result.error:
            _print_event("mirror", f"{step.key.model}: {step.result.error}", colour="red")

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
            "From now on the company lives: what happens at the source, and what arrives in the mirror.",
            "Ctrl-C ends it.",
            "",
        ]


def _print_event(place: str, text: str, colour: str | None = None) -> None:
    # Colours are for those who have not asked to be spared them.
    is_coloured = is_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    mark: Callable[..., str] = click.style if is_coloured else lambda text, **_: text
    write_line(f"{mark(time_of_day(), dim=True)}  {mark(place, fg=colour)}  {printable(text)}")
