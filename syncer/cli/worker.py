"""``syncer worker``: runs for services that leave them to workers."""

from __future__ import annotations

import asyncio
import sys

import click

from syncer.cli.options import environment_option, pass_session
from syncer.cli.run import SWITCH_INTERVAL
from syncer.cli.session import Session
from syncer.cli.streams import drop_stalled_output


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    metavar="N",
    help="Streams at once, of each environment; by default [sync] concurrency.",
)
@environment_option
@pass_session
def worker(session: Session, concurrency: int | None, environments: tuple[str, ...]) -> int:
    """Work on streams that `syncer run` leaves to workers.

    It does where workers.engine is "procrastinate". As many as you like, on any number of hosts. SIGTERM or
    Ctrl-C ends it: the pages under way are finished first, and others go on with their streams.

    \b
    syncer worker
    syncer worker --concurrency 4 --environment us
    """
    from syncer.operations.workers import require_workers
    from syncer.process.logging import flush_log

    settings = session.settings()
    if concurrency is not None:
        sync = settings.sync.model_copy(update={"concurrency": concurrency})
        settings = settings.model_copy(update={"sync": sync})
    require_workers(settings.queue_schema)
    # What it imports is there now.
    from syncer.daemon.worker_service import run_worker

    async def serve() -> None:
        async with session.app(settings=settings, is_service=True) as app:
            await run_worker(app, environments)

    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        asyncio.run(serve())
    finally:
        # What is said from here on comes behind the log.
        if not flush_log():
            drop_stalled_output()
    return 0
