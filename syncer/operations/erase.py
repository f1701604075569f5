"""Erasure of records that a person names, and what is kept of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

from msgspec import Struct
from sqlalchemy import Connection, select

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.erasure.receipt import Receipt
from syncer.domain.erasure.traces import KEY_BYTES
from syncer.domain.errors import UsageError
from syncer.domain.records.exclude import excluded_from
from syncer.domain.suggestions import did_you_mean
from syncer.environments.environment import feed_rules
from syncer.store.schema import revisions as schema
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state import erasures as store
from syncer.sync import erase as use_case
from syncer.sync.erase import Erasure
from syncer.sync.reproject import Reprojected

#: Characters of a reason: it is a note, and no file.
LONGEST_REASON = 500


class Wanted(Struct, frozen=True):
    """Record that a person asks to erase, by Kombo's id, or by the tool's with its integration.

    only: what is about the record stays. reason: a note for the receipt.
    """

    model: str
    id: str | None = None
    remote_id: str | None = None
    integration_id: str | None = None
    only: bool = False
    reason: str | None = None


def preview(app: App, wanted: Wanted, environments: Sequence[str] = ()) -> Receipt:
    """Give the receipt that an erasure would have, and change nothing.

    Raises UsageError for what cannot be erased, DatabaseError.
    """
    schema.check(app.database)
    _check(app, wanted, environments)
    with app.database.begin() as connection:
        receipt = _erase(app, wanted, environments, connection)
        connection.rollback()
    return receipt


async def erase(
    app: App,
    wanted: Wanted,
    environments: Sequence[str] = (),
    report: Callable[[Reprojected], None] = lambda _: None,
) -> Receipt:
    """Erase a record in all its places, and keep it out from now on; give the receipt.

    It is under way where the process is to stop before no copy is left: the service finishes it, or any
    `syncer reproject`. Raises UsageError, TableUnavailable, ProjectionReplaced, DatabaseError.
    """
    await app.prepare()
    await asyncio.to_thread(_check, app, wanted, environments)
    receipt = await app.database.write(partial(_erase, app, wanted, environments))
    await app.reprojection.finish(report)
    return await app.database.ask(partial(_known, receipt.id))


def list_erasures(app: App, environments: Sequence[str] = ()) -> list[Receipt]:
    """Read the receipts, the latest first. Raises UsageError, DatabaseError."""
    app.select(environments)
    schema.check(app.database)
    with app.database.read() as connection:
        return store.receipts(connection, environments)


async def undo(app: App, receipt_id: str) -> Receipt:
    """Let what an erasure has erased be read again; give its receipt.

    Raises UsageError where there is no such receipt, or it is undone; DatabaseError.
    """
    await app.prepare()

    def work(connection: Connection) -> Receipt:
        receipt = _known(receipt_id, connection)
        if receipt.undone_at is not None:
            raise UsageError(f"The erasure {receipt_id} is undone already.")
        use_case.undo(connection, app.database, receipt, uuid4().hex)
        return _known(receipt_id, connection)

    return await app.database.write(work)


def _known(receipt_id: str, connection: Connection) -> Receipt:
    receipt = store.find_receipt(connection, receipt_id)
    if receipt is None:
        raise UsageError(f"There is no receipt {receipt_id!a}: `syncer erase --list` shows all.")
    return receipt


def _check(app: App, wanted: Wanted, environments: Sequence[str]) -> None:
    """Raise UsageError for what cannot be erased."""
    app.select(environments)
    named = [each for each in (wanted.id, wanted.remote_id) if each is not None]
    if len(named) != 1 or not named[0]:
        raise UsageError("Name the record: either by --id or by --remote-id.")
    is_configured = wanted.model in app.settings.configured_names
    if not is_configured:
        model_named(wanted.model)
    elif wanted.id is None:
        kind = "an added list" if wanted.model in app.added_lists else "a native list"
        raise UsageError(f"{wanted.model} is {kind}: name the record by its key, with --id.")
    if wanted.integration_id is None and (wanted.id is None or is_configured):
        raise UsageError("Name the integration, too, by --integration: such an id says nothing without it.")
    excluded = excluded_from(wanted.model, app.settings.exclusions)
    if wanted.remote_id is not None and excluded is not None and excluded.hides(("remote_id",)):
        raise UsageError(f"remote_id is excluded from {wanted.model} here: name the record by --id.")
    if wanted.reason is not None and len(wanted.reason) > LONGEST_REASON:
        raise UsageError(f"--reason takes {LONGEST_REASON} characters at most.")


def _erase(app: App, wanted: Wanted, environments: Sequence[str], connection: Connection) -> Receipt:
    integration_id = _integration_of(connection, wanted)
    environment = app.environment_of(integration_id, environments)
    known = {each.id for each in environment.integrations.all(connection)}
    known |= {each.id for each in app.settings.integrations}
    if integration_id not in known and environment.integrations.get(connection, integration_id) is None:
        raise UsageError(f"{integration_id} was never mirrored.{did_you_mean(integration_id, known)}")
    erasure = Erasure(
        receipt=uuid4().hex,
        environment=environment.name,
        integration_id=integration_id,
        model=wanted.model,
        id=wanted.id,
        remote_id=wanted.remote_id,
        is_alone=wanted.only,
        reason=wanted.reason,
        new_key=secrets.token_bytes(KEY_BYTES),
        version=uuid4().hex,
    )
    return use_case.erase(connection, app.database, erasure, feed_rules(app.settings), app.native_lists)


def _integration_of(connection: Connection, wanted: Wanted) -> str:
    """Find whose record it is, by its row where there is one. Raises UsageError where nobody can tell."""
    found = None
    if wanted.id is not None and wanted.model in catalogue():
        rows = MIRROR[wanted.model].c
        whose = select(rows.integration_id).where(rows.id == wanted.id)
        found = connection.execute(whose).scalar_one_or_none()
    if found is None and wanted.integration_id is None:
        raise UsageError(
            f"The mirror has no row of {wanted.model} with this id. To keep the record out all the same, and "
            "to remove copies of it, name its integration by --integration."
        )
    if None not in (found, wanted.integration_id) and found != wanted.integration_id:
        raise UsageError(f"This record of {wanted.model} is of another integration: {found}.")
    return str(found or wanted.integration_id)
