"""``syncer simulate``: a made-up Kombo to try the program against."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import time
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

import click
from msgspec import Struct

from syncer.cli.fault_options import apply_faults, fault_options
from syncer.cli.interrupt import on_signals
from syncer.cli.output import is_terminal, own_command, print_line, time_of_day
from syncer.cli.webhook_options import WebhookOptions, read_webhook_options, webhook_options
from syncer.domain.errors import UsageError
from syncer.domain.texts.printable import printable

if TYPE_CHECKING:
    from syncer.simulator.server.environment import Environment
    from syncer.simulator.webhooks.sender import Sender, Sent

#: Seconds between two changes of a company that lives, and between two of integrations that do.
CHANGE_EVERY = 1.0
INTEGRATION_CHANGE_EVERY = 15.0


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
    "--live-integrations",
    is_flag=True,
    help="With --live, let integrations change, too: customers connect tools, credentials fail and recover.",
)
@click.option(
    "--vanished",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="SHARE",
    help="Serve the same companies without this share of their records, of which nothing tells.",
)
@click.option(
    "--extra-list",
    "extra_lists",
    multiple=True,
    metavar="NAME",
    help="Let integrations have a list that the catalogue lacks: hris_shifts, hris_expense_claims or"
    " ats_talent_pools; may be given more than once.",
)
@click.option(
    "--limit", type=click.IntRange(1), default=300, show_default=True, help="Requests in each window."
)
@click.option(
    "--window", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Seconds of a window."
)
@fault_options
@webhook_options
def simulate(
    host: str,
    port: int,
    seed: int,
    integrations: int,
    records: int,
    api_key: str,
    live: bool,
    live_integrations: bool,
    vanished: float,
    limit: int,
    window: float,
    failing: tuple[str, ...],
    slow: tuple[str, ...],
    inactive: tuple[str, ...],
    refused: tuple[str, ...],
    extra_lists: tuple[str, ...],
    **webhooks: Any,
) -> int:
    """Serve a made-up Kombo; no account needed.

    Its companies are made up, too, and the same each time. What it prints is ready to be pasted.
    docs/simulator.md says more.

    \b
    syncer simulate --records 2000 --live
    syncer simulate --fail hris_absences=500 --fail bad-gateway=5% --slow 0.2
    """
    options = read_webhook_options(**webhooks)
    if live_integrations and not live:
        raise UsageError("--live-integrations goes with --live.")
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
    _add_lists(environment, extra_lists)
    for company in environment.companies.values():
        company.thin_out(vanished, Random(seed))
    apply_faults(environment, failing, slow, inactive, refused, seed)
    parts = _Parts(environment, seed, live, live_integrations, options)
    try:
        asyncio.run(_serve(parts, host, port))
    except OSError as error:
        raise UsageError(
            f"The simulator cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): "
            "name another one with --port, or 0 for any free one."
        ) from None
    return 0


def _add_lists(environment: Environment, names: Sequence[str]) -> None:
    """Let every integration have these extra lists. Raises UsageError for one that is none."""
    from syncer.simulator.company.extra_lists import EXTRA_LISTS

    for name in dict.fromkeys(names):
        if name not in EXTRA_LISTS:
            raise UsageError(f"--extra-list {name}: there is {', '.join(EXTRA_LISTS)}.")
        environment.add_list(name)


class _Parts(Struct, frozen=True):
    """Environment that is served, and what goes on beside: the same for the same seed."""

    environment: Environment
    seed: int
    is_live: bool
    are_integrations_live: bool
    webhooks: WebhookOptions | None

    def works(self) -> list[Coroutine[Any, Any, NoReturn]]:
        """Begin what goes on for ever beside the API."""
        from syncer.simulator.life.integration_change import IntegrationLife
        from syncer.simulator.life.random_change import live

        environment, works = self.environment, list[Coroutine[Any, Any, NoReturn]]()
        if self.webhooks is not None:
            # It is told of everything from here on.
            works.append(_sender(environment, self.webhooks, Random(f"faults of {self.seed}")).run())
        if self.is_live:
            works.append(live(environment, Random(self.seed), CHANGE_EVERY, asyncio.sleep, _changed))
        if self.are_integrations_live:
            integrations = IntegrationLife(environment, Random(f"integrations of {self.seed}"))
            works.append(integrations.live(INTEGRATION_CHANGE_EVERY, asyncio.sleep, _changed))
        return works


async def _serve(parts: _Parts, host: str, port: int) -> None:
    from syncer.simulator.server.serve import running

    stopping = asyncio.Event()
    with on_signals(stopping.set):
        async with running(parts.environment, host=host, port=port) as base_url:
            for line in _introduction(parts, base_url):
                print_line(line)
            await _work(parts, stopping)


async def _work(parts: _Parts, stopping: asyncio.Event) -> None:
    """Let everything go on until told to stop, or until something of it fails."""
    tasks = [asyncio.create_task(each) for each in (stopping.wait(), *parts.works())]
    ended, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in ended:
        task.result()


def _sender(environment: Environment, options: WebhookOptions, chance: Random) -> Sender:
    from syncer.simulator.webhooks.faults import WebhookFaults
    from syncer.simulator.webhooks.outbox import Outbox
    from syncer.simulator.webhooks.sender import Sender

    return Sender(
        Outbox(environment),
        options.url,
        options.secret,
        latency=options.latency,
        faults=WebhookFaults.parse(options.faults),
        rng=chance,
        retries=options.retries,
        report=_sent,
    )


def _changed(integration_id: str, sentence: str) -> None:
    print_line(f"{time_of_day()}  {integration_id}  {printable(sentence)}")


def _sent(sent: Sent) -> None:
    """Print a webhook, and how it was answered."""
    event, forgery = sent.event, sent.delivery.forgery
    told = f" ({', '.join(event.models)})" if event.models else ""
    forged = f", forged: {forgery}" if forgery else ""
    answer = f"{sent.status} in {sent.seconds * 1000:.0f} ms" if sent.status else f"no answer: {sent.error}"
    line = f"{time_of_day()}  {event.integration_id}  webhook {event.type}{told}{forged}: {answer}"
    print_line(printable(line))


def _introduction(parts: _Parts, base_url: str) -> Sequence[str]:
    """List what somebody in a second terminal needs, ready to be pasted."""
    environment, webhooks = parts.environment, parts.webhooks
    integrations = [{"id": each} for each in environment.integrations]
    variables = {
        "SYNCER_KOMBO__BASE_URL": base_url,
        "SYNCER_KOMBO__API_KEY": environment.api_key,
        "SYNCER_INTEGRATIONS": json.dumps(integrations),
        "SYNCER_DATABASE__URL": "sqlite:///simulated.db",
    }
    if webhooks is not None:
        variables |= webhooks.variables()
    return [
        f"Kombo is simulated at {base_url}",
        f"  API key        {environment.api_key}",
        *(
            f"  integration    {id} ({company.count():,} records)"
            for id, company in environment.companies.items()
        ),
        f"  request limit  {environment.limit.limit:,} in {environment.limit.window:g} s",
        *([] if webhooks is None else [f"  webhooks to    {webhooks.url}"]),
        "",
        "In a second terminal:",
        "",
        *(f"  export {name}={shlex.quote(value)}" for name, value in variables.items()),
        f"  {own_command()} {'backfill' if webhooks is None else 'run'}",
        "",
        "Ctrl-C ends it.",
    ]
