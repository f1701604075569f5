"""Find where values that are excluded may still be, under names that only the tool or the customer knows."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from syncer.app import App
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.members import FREE
from syncer.domain.records.exclude import excluded_from
from syncer.store.reading.filled_columns import filled_columns


async def find_exclusion_gaps(app: App) -> list[str]:
    """Find them in the rows that there are, each as a sentence. Raises DatabaseError.

    What is replaced by pseudonyms counts as excluded.
    """
    if not app.settings.exclusions:
        return []
    return [*await app.database.ask(lambda connection: list(_models(app, connection))), *_native_lists(app)]


def _models(app: App, connection: Connection) -> Iterator[str]:
    every = app.settings.exclusions
    for name, model in catalogue().items():
        excluded = excluded_from(name, every)
        if excluded is None or name not in {each.table for each in every}:
            continue
        free = [each.name for each in model.columns if each.name in FREE and not excluded.hides(each.source)]
        found = filled_columns(connection, name, free)
        if found:
            yield (
                f"{', '.join(found)} of {name} may hold under other names what is kept out:"
                f" exclude {'that' if len(found) == 1 else 'those'}, too, unless you know better"
            )


def _native_lists(app: App) -> Iterator[str]:
    for each in app.settings.native_lists:
        if excluded_from(each.name, app.settings.exclusions) is None:
            yield (
                f"nothing is kept out of the native list {each.name}, which may hold what is kept out"
                f" elsewhere: write {each.name}.MEMBER as its tool calls it"
            )
