"""Choose the streams that a command names, over several environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncer.domain.catalogue.lookup import select_names
from syncer.domain.errors import UsageError
from syncer.domain.integration_globs import select_integrations
from syncer.planning.selection import Selection
from syncer.store.state.integrations import IntegrationRow

#: Names of lists by integration.
Chosen = dict[str, set[str]]


def choose_streams(
    selections: Mapping[str, Selection],
    integrations: Sequence[str],
    models: Sequence[str],
    mirrored: Mapping[str, Mapping[str, IntegrationRow]] | None = None,
) -> dict[str, Chosen]:
    """Select the lists that a command names (all where it names none), by environment and integration.

    selections: by environment; one is named whether it has anything or not. mirrored: the integrations to
    choose from, where that is not what the database says. Raises UsageError for an integration that is not
    mirrored in any of them and for a glob that fits no list.
    """
    rows = mirrored
    if rows is None:
        rows = {name: each.mirrored() for name, each in selections.items()}
    if not any(rows.values()):
        raise UsageError(no_integration(_where(selections)))
    known = [integration_id for of_environment in rows.values() for integration_id in of_environment]
    selected = set(select_integrations(integrations, known, _where(selections)))
    named = select_names(models, next(iter(selections.values())).settings.configured_names)
    found = {
        name: {
            each.id: {spec.name for spec in selection.lists_of(each)} & named
            for each in rows[name].values()
            if each.id in selected
        }
        for name, selection in selections.items()
    }
    if not any(names for chosen in found.values() for names in chosen.values()):
        raise UsageError(f"Nothing to do: no integration here mirrors {', '.join(models)}.")
    return found


def no_integration(where: str = "") -> str:
    """Say what to do where there is nothing to mirror; where: the environments, as the end of a clause."""
    return (
        f"There is no integration to mirror{where}: name one under [[integrations]] in the configuration "
        "or with `syncer integrations add ID`."
    )


def _where(selections: Mapping[str, Selection]) -> str:
    """Name the environments where it matters."""
    return f" in {' or '.join(selections)}" if len(selections) > 1 or "default" not in selections else ""
