"""Cost of commands and of the schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncer.app import App
from syncer.planning.choice import choose_streams
from syncer.planning.cost import Command, estimate_costs
from syncer.store.schema import revisions as schema


def plan(
    app: App,
    commands: Sequence[Command],
    integrations: Sequence[str] = (),
    models: Sequence[str] = (),
    environments: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """Estimate the cost of these commands, and of the schedule where all are named; change nothing.

    The estimates are by environment, since each has a budget of its own; those without a stream to plan for
    are left out. Raises DatabaseError, UsageError for a selection that names nothing.
    """
    selected = app.select(environments)
    schema.check(app.database)
    known = {name: {row.id: row for row in each.selection.known()} for name, each in selected.items()}
    selections = {name: each.selection for name, each in selected.items()}
    chosen = choose_streams(selections, integrations, models, known)
    return {
        name: estimate_costs(
            each.settings, app.database, each.selection, each.capacity, commands, known[name], chosen[name]
        )
        for name, each in selected.items()
        if any(chosen[name].values())
    }
