"""``syncer refresh``: single records, fetched now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncer.cli.completion_values import complete_integrations, complete_models
from syncer.cli.interrupt import INTERRUPTED, run_interruptible
from syncer.cli.options import environment_option, json_option, pass_session
from syncer.cli.output import print_json, print_note
from syncer.cli.refreshed import are_well, print_refreshed, value_of
from syncer.cli.session import Session

if TYPE_CHECKING:
    from syncer.sync.deletions.confirm import IdKind


@click.command()
@click.argument("model", metavar="MODEL", shell_complete=complete_models)
@click.option(
    "--integration",
    required=True,
    metavar="ID",
    shell_complete=complete_integrations,
    help="The integration that the records are of.",
)
@click.option("--id", "ids", multiple=True, metavar="ID", help="Kombo's id; may be given more than once.")
@click.option(
    "--remote-id",
    "remote_ids",
    multiple=True,
    metavar="ID",
    help="The connected tool's id; may be given more than once.",
)
@environment_option
@json_option
@pass_session
def refresh(
    session: Session,
    model: str,
    integration: str,
    ids: tuple[str, ...],
    remote_ids: tuple[str, ...],
    environments: tuple[str, ...],
    as_json: bool,
) -> int:
    """Fetch single records now.

    Reports what became of each. The exit code is 1 if Kombo does not know one of them or it cannot be stored.

    \b
    syncer refresh hris_employees --integration personio:8d1hpPsbjxUkoCoa1veLZGe5 --remote-id 4711
    """
    from syncer.domain.errors import UsageError
    from syncer.operations import refresh as operation

    if bool(ids) == bool(remote_ids):
        raise UsageError("Name the records: either by --id or by --remote-id.")
    app = session.app()
    by: IdKind = "ids" if ids else "remote_ids"
    work = operation.refresh(app, integration, model, ids or remote_ids, by=by, environments=environments)
    refreshed = run_interruptible(app, work)
    if refreshed is None:
        print_note("Interrupted.")
        return INTERRUPTED
    if as_json:
        print_json([value_of(each) for each in refreshed])
    else:
        print_refreshed(model, refreshed)
    return 0 if are_well(refreshed) else 1
