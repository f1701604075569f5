"""The status of the mirror, read from its database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.catalogue.lookup import select_names
from syncer.domain.integration_globs import select_integrations
from syncer.operations.deliveries import is_well, report_deliveries
from syncer.operations.process_report import report_processes
from syncer.operations.status_report import Sharing, json_time, report_status
from syncer.operations.unknown_lists import find_unknown_models, report_unknown_models
from syncer.operations.verification_report import add_verifications
from syncer.operations.workers import depths, report_depth
from syncer.store.reading.overview import EVERY_STREAM, Overview, StreamChoice, overview
from syncer.store.schema import revisions as schema
from syncer.store.state.processes import read_processes
from syncer.store.state.webhook_events import WebhookEventStore


def status(app: App, choice: StreamChoice = EVERY_STREAM, environments: Sequence[str] = ()) -> dict[str, Any]:
    """Report the status of the mirror as plain values, ready for JSON.

    choice: of the streams to list. environments: those that are looked at; all without any. What is of one
    environment each stands in ``environments``; ``behind`` is the first that is, ``webhooks`` sums up all.
    Raises DatabaseError, UsageError.
    """
    selected = app.select(environments)
    budgets = {name: each.settings.budget for name, each in selected.items()}
    sharing = {name: Sharing(each.reserve, each.pacing) for name, each in budgets.items()}
    found = report_status(read_overview(app, choice, environments), sharing)
    with app.database.read() as connection:
        deliveries = report_deliveries(connection, app)
        now = app.database.now(connection)
        queues = depths(connection, app, selected)
        for each in found["environments"]:
            environment = selected[each["name"]]
            each["behind"] = environment.capacity.report_backlog(connection)
            each["webhooks"] = _webhooks(environment.webhook_events, connection, now)
            each["queue"] = report_depth(queues.get(each["name"]))
        add_verifications(connection, found["streams"], found["environments"])
        return {
            **found,
            "is_well": found["is_well"] and all(map(is_well, deliveries)),
            "behind": next((each["behind"] for each in found["environments"] if each["behind"]), None),
            "deliveries": deliveries,
            "unknown_models": report_unknown_models(find_unknown_models(connection, app, selected)),
            "processes": report_processes(read_processes(connection), now),
            "webhooks": _sum([each["webhooks"] for each in found["environments"]]),
        }


def _webhooks(events: WebhookEventStore, connection: Connection, now: datetime) -> dict[str, Any]:
    """Report the webhooks of the last day: their number by outcome, and the latest of all."""
    counts = events.counts(connection, now)
    return {
        "last_at": json_time(counts.last_arrived_at),
        "last_day": dict(counts.outcomes),
    }


def _sum(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up the webhooks of several environments."""
    return {
        "last_at": max((each["last_at"] for each in reports if each["last_at"]), default=None),
        "last_day": dict(sum((Counter(each["last_day"]) for each in reports), Counter[str]())),
    }


def choose(
    app: App,
    integrations: Sequence[str],
    models: Sequence[str],
    only_problems: bool | None,
    environments: Sequence[str] = (),
) -> StreamChoice:
    """Choose the streams that a command names, all of which are listed unless it says otherwise.

    Raises UsageError for an id or a glob that fits no integration, and for a glob that fits no list.
    """
    if not integrations and not models:
        return StreamChoice(only_problems=only_problems)
    selected = select_integrations(integrations, configured(app, environments))
    names = select_names(models, app.settings.configured_names) if models else None
    return StreamChoice(selected if integrations else None, names, bool(only_problems))


def configured(app: App, environments: Sequence[str] = ()) -> list[str]:
    """List the integrations to mirror by id, of these environments (all without any)."""
    selected = app.select(environments).values()
    return [integration_id for each in selected for integration_id in each.selection.configured(True)]


def read_overview(
    app: App, choice: StreamChoice = EVERY_STREAM, environments: Sequence[str] = ()
) -> Overview:
    """Read what the mirror holds and how fresh it is. Raises DatabaseError, UsageError."""
    keys = {name: each.key_fingerprint for name, each in app.select(environments).items()}
    schema.check(app.database)
    with app.database.read() as connection:
        return overview(connection, keys, app.database.now(connection), choice)
