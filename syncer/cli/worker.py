"""``syncer worker``: runs for services that leave them to workers."""

from __future__ import annotations

import click

from syncer.cli.options import environment_option, pass_session
from syncer.cli.serving import serve
from syncer.cli.session import Session


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

    settings = session.settings()
    if concurrency is not None:
        sync = settings.sync.model_copy(update={"concurrency": concurrency})
        settings = settings.model_copy(update={"sync": sync})
    require_workers(settings.queue_schema)
    # What it imports is there now.
    from syncer.daemon.worker_service import run_worker

    serve(session, lambda app: run_worker(app, environments), settings)
    return 0
