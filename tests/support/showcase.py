"""A mirror with everything that the status page can show, written into the tables as runs leave them.

The same each time but for the moment, on which all its times depend.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, insert, update

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue, select_models
from syncer.domain.catalogue.model import Model
from syncer.domain.ratelimit.budget import Budget
from syncer.domain.ratelimit.history import BudgetHistory
from syncer.domain.streams.state import Outcome, StreamState
from syncer.store.schema.mirror_tables import (
    integrations,
    missing,
    quarantine,
    runs,
    streams,
    webhook_events,
)
from syncer.store.state.budget import change_budget
from syncer.store.state.consumers import acknowledge

#: Tool and category, one integration after the other.
TOOLS = (
    ("personio", "Personio", "HRIS"),
    ("workday", "Workday", "HRIS"),
    ("greenhouse", "Greenhouse", "ATS"),
    ("hibob", "HiBob", "HRIS"),
    ("bamboohr", "BambooHR", "HRIS"),
    ("smartrecruiters", "SmartRecruiters", "ATS"),
    ("sapsuccessfactors", "SAP SuccessFactors", "HRIS"),
    ("lever", "Lever", "ATS"),
)
FIRST = ("Nordlicht", "Alpenblick", "Hafen", "Morgenrot", "Silberbach", "Falken", "Linden", "Kupfer")
LAST = ("Energie", "Logistik", "Robotics", "Foods", "Bank", "Health", "Systems", "Mobility")
#: What Kombo says of an integration that is switched off, and of a list that it cannot read.
INACTIVE = "Kombo answered HTTP 403 (INTEGRATION.INACTIVE): This integration is not active."
BROKEN = "Kombo answered HTTP 503."
HELD_MODEL, QUARANTINE_MODEL, RUNNING_MODEL = "hris_groups", "hris_employees", "hris_absences"


def integration_id(number: int) -> str:
    """Give the id of an integration, by its number from 0."""
    rng = Random(number)
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return f"{TOOLS[number % len(TOOLS)][0]}:{''.join(rng.choice(letters) for _ in range(24))}"


def fill(app: App, *, well: bool = False, models: tuple[str, ...] = ("*",)) -> None:
    """Fill the mirror of the program's integrations.

    well: everything is complete. Otherwise, as far as there are so many integrations: the first has held rows
    and records in quarantine, the second is inactive, the fourth is being loaded, the fifth has a list that
    fails, and the seventh is new; so it goes on, with every fortieth.
    """
    app.open_database(may_create=True)
    ids = [each.id for each in app.settings.integrations]
    chosen = select_models(models)
    if not ids:
        return
    with app.database.begin() as connection:
        now = app.database.now(connection)
        for number, each in enumerate(ids):
            _, tool, category = TOOLS[number % len(TOOLS)]
            is_off = _role(number) == 1 and not well
            connection.execute(
                update(integrations)
                .where(integrations.c.id == each)
                .values(
                    tool=tool,
                    category=category,
                    organisation=f"{FIRST[number % 8]} {LAST[number // 8 % 8]}",
                    status="INACTIVE" if is_off else "ACTIVE",
                    state="waiting" if is_off else "ready",
                    setup_status="COMPLETED",
                    checked_at=now - timedelta(seconds=20),
                )
            )
        rows = [
            _stream(None if well else _role(number), number, each, model, now)
            for number, each in enumerate(ids)
            for model in chosen
        ]
        connection.execute(insert(streams), rows)
        if not well:
            _add_troubles(connection, ids[0], now)
        _add_runs(connection, ids, now)
        _add_budget(connection, app, now)


def history(app: App) -> BudgetHistory:
    """Make the last hour of a budget, that was full for a while and refused a few."""
    made, rng = BudgetHistory(), Random(4)
    with app.database.read() as connection:
        now = app.database.now(connection).timestamp()
    for minute in range(59, -1, -1):
        busy = 0.25 + 0.3 * rng.random() + (0.42 if 18 <= minute <= 26 else 0.0)
        at, refused = now - 60 * minute, 3 if minute < 20 else 0
        made.note(Budget(limit=300, used=int(300 * min(busy, 0.97)), ends_at=at + 9, refusals=refused), at)
    return made


def _role(number: int) -> int:
    """Give what is the matter with an integration; what the first one has belongs to it alone."""
    return number % 40 if number < 40 or number % 40 else 39


def _stream(role: int | None, number: int, integration: str, model: Model, now: datetime) -> dict[str, Any]:
    """Make the row of one stream; role: what is the matter with its integration, None: nothing."""
    rng = Random(f"{number} {model.name}")
    age = timedelta(seconds=rng.choice([8, 40, 95, 300, 600, 840, 1_500]))
    row: dict[str, Any] = {
        "environment": "default",
        "integration_id": integration,
        "model": model.name,
        "state": StreamState.COMPLETE,
        "last_outcome": Outcome.COMPLETE,
        "last_error": None,
        "failures": 0,
        "due_at": now + timedelta(minutes=15) - age,
        "complete_at": now - age,
        "watermark": now - age,
        "last_full_walk_at": now - timedelta(days=2, hours=3),
        "last_run_at": now - age,
        "scheduled_at": now - age,
        "rows_live": rng.randrange(40, 4_000),
        "rows_deleted": rng.randrange(0, 60),
        "watched": 86_400.0,
        "full_pages": 16,
        "lease_owner": None,
        "lease_until": None,
        **dict.fromkeys(("walk_id", "walk_kind", "walk_phase", "walk_began_at", "walk_started_at")),
        "walk_pages": 0,
        "walk_rows": 0,
    }
    nothing = {"complete_at": None, "watermark": None, "last_full_walk_at": None, "last_run_at": None}
    if model.category != TOOLS[number % len(TOOLS)][2].lower():
        return {**row, **nothing, "state": StreamState.UNAVAILABLE, "rows_live": 0, "rows_deleted": 0}
    later = now + timedelta(hours=1)
    match role:
        case 0 if model.name == HELD_MODEL:
            row |= {"state": StreamState.HELD, "last_outcome": Outcome.HELD, "rows_live": 384}
        case 0 if model.name == QUARANTINE_MODEL:
            row |= {"state": StreamState.INCOMPLETE, "last_outcome": Outcome.INCOMPLETE}
        case 1:
            since = now - timedelta(hours=7)
            row |= {"state": StreamState.WAITING, "last_outcome": Outcome.WAITING, "last_error": INACTIVE}
            row |= {"failures": 4, "complete_at": since, "due_at": now + timedelta(minutes=8)}
        case 3 if model.name == RUNNING_MODEL:
            row |= {**nothing, "state": StreamState.NEW, "lease_owner": "somebody", "lease_until": later}
            row |= {
                "walk_id": "w",
                "walk_kind": "full",
                "walk_phase": "read",
                "walk_pages": 9,
                "walk_rows": 2_250,
            }
            row |= {"walk_began_at": now - timedelta(seconds=14), "walk_started_at": now}
        case 4 if model.name == "hris_absences":
            row |= {"state": StreamState.FAILED, "last_outcome": Outcome.FAILED, "last_error": BROKEN}
            row |= {"failures": 5, "complete_at": now - timedelta(hours=3)}
        case 6:
            row |= {**nothing, "state": StreamState.NEW, "rows_live": 0, "rows_deleted": 0}
    return row


def _add_troubles(connection: Connection, integration: str, now: datetime) -> None:
    """Hold 160 rows back, and put three records into quarantine."""
    of = {"environment": "default", "integration_id": integration}
    rows = [
        {**of, "model": HELD_MODEL, "record_id": f"r{number}", "walk_id": "w", "walks": 1}
        | {"missing_since": now, "held_at": now - timedelta(hours=2)}
        for number in range(160)
    ]
    connection.execute(insert(missing), rows)
    rows = [
        {**of, "model": QUARANTINE_MODEL, "record_key": f"q{number}", "document": "{}", "run_id": "r"}
        | {
            "reason": "start_date is not a date",
            "first_seen_at": now - timedelta(hours=5),
            "last_seen_at": now,
        }
        for number in range(3)
    ]
    connection.execute(insert(quarantine), rows)


def _add_runs(connection: Connection, ids: Sequence[str], now: datetime) -> None:
    """Add the latest runs, webhooks of the last day, and a consumer."""
    rng, models = Random(5), [name for name in catalogue() if name.startswith("hris_")]
    of = {"environment": "default"}
    rows = [
        {
            **of,
            "id": f"run{number}",
            "integration_id": ids[0],
            "model": models[number % 7],
            "owner": "somebody",
        }
        | {"started_at": now - timedelta(seconds=20 * number + 9), "outcome": Outcome.COMPLETE}
        | {"ended_at": now - timedelta(seconds=20 * number + 6), "kind": "incremental", "pages": 1}
        | {"created": rng.randrange(3), "updated": rng.randrange(9), "deleted": number % 5 // 4}
        | {"told_at": now if number % 3 == 0 else None}
        for number in range(12)
    ]
    connection.execute(insert(runs), rows)
    events = [
        {**of, "id": f"event{number}", "arrived_at": now - timedelta(minutes=3 * number + 1)}
        | {"outcome": "accepted" if number % 9 else "ignored"}
        for number in range(120)
    ]
    connection.execute(insert(webhook_events), events)
    acknowledge(connection, "billing", 0, now - timedelta(seconds=50))


def _add_budget(connection: Connection, app: App, now: datetime) -> None:
    at = now.timestamp()
    budget = Budget(limit=300, used=212, sent=212, ends_at=at + 40, length=60.0, confirmed=True)
    key = str(app.environments["default"].key_fingerprint)
    change_budget(connection, "default", key, timedelta(0), lambda before, _: (budget, None))
