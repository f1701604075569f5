"""Cost of commands and of the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncer.app import App
from syncer.planning.cost import Command, estimate_costs
from syncer.store.schema import migrate as schema


def plan(
    app: App, commands: Sequence[Command], integrations: Sequence[str] = (), models: Sequence[str] = ()
) -> dict[str, Any]:
    """Estimate the cost of these commands, and of the schedule where all are named; change nothing.

    Raises DatabaseError, UsageError for a selection that names nothing.
    """
    schema.check(app.database)
    return estimate_costs(
        app.settings, app.database, app.selection, app.capacity, commands, integrations, models
    )
