"""``syncer simulate``: a made-up Kombo to try the program against."""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import click

from syncer.cli.interrupt import on_signals
from syncer.cli.output import is_terminal, own_command, print_line, time_of_day
from syncer.domain.errors import UsageError
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.simulator.server.environment import Environment

#: Seconds between two changes of a company that lives.
CHANGE_EVERY = 1.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9797,
    show_default=True,
    help="The port to listen on; 0 takes any free one.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="The same seed gives the same companies."
)
@click.option("--integrations", type=click.IntRange(1), default=2, show_default=True, help="How many.")
@click.option(
    "--records",
    type=click.IntRange(100),
    default=100_000,
    show_default=True,
    help="Records of each integration, over all models.",
)
@click.option("--api-key", default="sim-key", show_default=True, help="The key it accepts.")
@click.option("--live", is_flag=True, help="Let something change every second.")
@click.option(
    "--vanished",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Serve the same companies without this share of their records, of which nothing tells.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=300, show_default=True, help="Requests in each window."
)
@click.option(
    "--window", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Seconds of a window."
)
def simulate(
    host: str,
    port: int,
    seed: int,
    integrations: int,
    records: int,
    api_key: str,
    live: bool,
    vanished: float,
    limit: int,
    window: float,
) -> int:
    """Serve a made-up Kombo; no account needed.

    Its companies are made up, too, and the same each time. What it prints is ready to be pasted.
    """
    from syncer.process.logging import configure_logging
    from syncer.simulator.clock import SimClock
    from syncer.simulator.server.environment import Environment
    from syncer.simulator.server.limit import RateLimit

    configure_logging("WARNING")
    if is_terminal():
        print_line(f"Making up {integrations * records:,} records …")
    environment = Environment.example(
        SimClock(lambda: datetime.now(UTC)),
        seed=seed,
        integrations=integrations,
        records=records,
        api_key=api_key,
        limit=RateLimit(time.monotonic, limit=limit, window=window),
    )
    for company in environment.companies.values():
        company.thin_out(vanished, Random(seed))
    try:
        asyncio.run(_serve(environment, host, port, Random(seed) if live else None))
    except OSError as error:
        raise UsageError(
            f"The simulator cannot listen on {host}:{port} ({error.strerror}): "
            "name another one with --port, or 0 for any free one."
        ) from None
    return 0


async def _serve(environment: Environment, host: str, port: int, changes: Random | None) -> None:
    from syncer.simulator.server.serve import running

    stopping = asyncio.Event()
    with on_signals(stopping.set):
        async with running(environment, host=host, port=port) as base_url:
            await _live(environment, base_url, changes, stopping)


async def _live(
    environment: Environment, base_url: str, changes: Random | None, stopping: asyncio.Event
) -> None:
    from syncer.simulator.life.random_change import live

    for line in _introduction(environment, base_url):
        print_line(line)
    tasks = [asyncio.create_task(stopping.wait())]
    if changes is not None:
        tasks.append(asyncio.create_task(live(environment, changes, CHANGE_EVERY, asyncio.sleep, _changed)))
    ended, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in ended:
        task.result()


def _changed(integration_id: str, sentence: str) -> None:
    print_line(f"{time_of_day()}  {integration_id}  {printable(sentence)}")


def _introduction(environment: Environment, base_url: str) -> Sequence[str]:
    """List what somebody in a second terminal needs, ready to be pasted."""
    integrations = [{"id": each} for each in environment.integrations]
    variables = {
        "SYNCER_KOMBO__BASE_URL": base_url,
        "SYNCER_KOMBO__API_KEY": environment.api_key,
        "SYNCER_INTEGRATIONS": json.dumps(integrations),
        "SYNCER_DATABASE__URL": "sqlite:///simulated.db",
    }
    return [
        f"Kombo is simulated at {base_url}",
        f"  API key        {environment.api_key}",
        *(
            f"  integration    {id} ({company.count():,} records)"
            for id, company in environment.companies.items()
        ),
        f"  request limit  {environment.limit.limit:,} in {environment.limit.window:g} s",
        "",
        "In a second terminal:",
        "",
        *(f"  export {name}={shlex.quote(value)}" for name, value in variables.items()),
        f"  {own_command()} backfill",
        "",
        "Ctrl-C ends it.",
    ]
