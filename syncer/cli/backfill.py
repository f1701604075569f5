"""``syncer backfill``: full walks of what has not been read yet."""

from __future__ import annotations

import click

from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.session import Session
from syncer.cli.stream_pass import run_pass


@click.command()
@stream_options
@click.option("--restart", is_flag=True, help="Walk everything anew, also what is complete or half done.")
@json_option
@pass_session
def backfill(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    restart: bool,
    as_json: bool,
) -> int:
    """Read everything that has not been read yet.

    What was interrupted goes on where it stopped; what is complete is skipped.

    \b
    syncer backfill
    syncer backfill --integration 'personio:*' --model 'hris_*'
    """
    from syncer.domain.streams.stream import Mode

    # A second --restart would begin anew.
    mode = Mode.RESTART if restart else Mode.BACKFILL
    return run_pass(
        session,
        mode,
        environments,
        integrations,
        models,
        as_json=as_json,
        resume_with="backfill",
        may_create=True,
    )
