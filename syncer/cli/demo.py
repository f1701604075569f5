"""``syncer demo``: a made-up company that lives, and the service that mirrors it, in one process."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import click

from syncer.cli.options import pass_session
from syncer.cli.output import print_line
from syncer.cli.session import Session
from syncer.domain.errors import UsageError

if TYPE_CHECKING:
    from syncer.config.settings import Settings
    from syncer.simulator.server.environment import Environment

RECORDS = 5_000
#: Seconds between two changes at the source.
CHANGE_EVERY = 1.5
#: Seconds between two syncs of a model that no webhook asked for: a few things Kombo tells nobody.
SYNC_EVERY = 60
#: Far more than the demo asks for, so that nobody has to wait.
LIMIT, WINDOW = 6_000, 60.0
STATUS_PORT = 8484
_MARK = "# Written by `syncer demo`, and written anew by the next one."


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

    \b
    syncer demo
    syncer demo --directory /tmp/demo --port 9000
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
    from syncer.cli.demo_watch import DemoWatch
    from syncer.daemon.service import run_service
    from syncer.daemon.web.webhooks import PATH as WEBHOOKS_PATH
    from syncer.simulator.life.random_change import live
    from syncer.simulator.server.serve import running
    from syncer.simulator.webhooks.outbox import Outbox
    from syncer.simulator.webhooks.sender import Sender

    async with running(environment) as base_url:
        settings = _settings(environment, base_url, config, port)
        # No proxy knows the way to what is served here.
        async with session.app(settings=settings, environ={}) as app:
            watch = DemoWatch(app, config, port)
            outbox = Outbox(environment)
            outbox.on_change = watch.noticed
            secret = app.settings.webhooks.all_secrets[0]
            sender = Sender(outbox, f"http://127.0.0.1:{port}{WEBHOOKS_PATH}", secret, rng=Random())

            async def change() -> None:
                await watch.filled.wait()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(sender.run())
                    tasks.create_task(live(environment, Random(), CHANGE_EVERY, asyncio.sleep, watch.changed))

            tasks = [asyncio.create_task(change()), asyncio.create_task(watch.tell_changes())]
            for task in tasks:
                task.add_done_callback(lambda _: app.stopping.set())
            try:
                await run_service(app, report=watch)
            finally:
                watch.tally.stop()
                for task in tasks:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task


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

[changes]
models = ["*"]

[gateway]
enabled = true
token = {json.dumps(secrets.token_urlsafe(24))}

[webhooks]
secrets = [{json.dumps(secrets.token_urlsafe(24))}]

[log]
level = "WARNING"
"""
