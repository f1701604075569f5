"""``syncer verify``: the mirror against what Kombo has, record by record, and a certificate of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import json_option, pass_session, stream_options
from syncer.cli.output import console, is_terminal, json_text, print_json, print_line, print_note
from syncer.cli.session import Session
from syncer.domain.errors import UsageError

if TYPE_CHECKING:
    from syncer.operations.verify import Verified


@click.command()
@stream_options
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Compare N rows of each stream, chosen by chance, instead of all.",
)
@click.option(
    "--certificate",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what was found into a file, as JSON with digests.",
)
@json_option
@pass_session
def verify(
    session: Session,
    integrations: tuple[str, ...],
    models: tuple[str, ...],
    environments: tuple[str, ...],
    sample: int | None,
    path: Path | None,
    as_json: bool,
) -> int:
    """Compare the mirror with everything that Kombo lists.

    Nothing is written but permits of the request limit. What changes meanwhile is looked up until it is
    settled. The exit code is 0 where nothing differs, and 1 where something does, or could not be compared.

    \b
    syncer verify
    syncer verify --model 'hris_*' --certificate certificate.json
    syncer verify --sample 1000
    """
    from syncer.cli import verified
    from syncer.cli.progress import Bars, Tally
    from syncer.operations import verify as operation

    app = session.app()
    tally, note, ended = Tally(), print_note, verified.print_end
    if is_terminal() and not as_json:
        tally = bars = Bars(console())
        note, app.on_wait = bars.note, bars.wait_for_limit
    if is_terminal() or as_json:
        ended = verified.print_nothing
    work = operation.verify(
        app,
        environments=environments,
        integrations=integrations,
        models=models,
        sample=sample,
        report=tally,
        planned=tally.plan,
        ended=ended,
    )
    found = run_interruptible(app, work, note=note, stop_progress=tally.stop)
    if found is None or app.stopping.is_set():
        print_note("Interrupted. What a verification has found so far is not kept: it begins anew.")
        return INTERRUPTED
    if path is not None:
        _write(path, found)
    if as_json:
        print_json(found.certificate())
    else:
        verified.print_whole(found, tally.seconds)
        if path is not None:
            print_line(f"The certificate is in {path}.")
    return 0 if found.is_well else 1


def _write(path: Path, found: Verified) -> None:
    try:
        path.write_text(f"{json_text(found.certificate())}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The certificate cannot be written to {path}: {error.strerror}.") from None
