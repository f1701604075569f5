"""Incarnation of a database: whether it is still the one that a process began with. Pure.

A process that goes on while a backup is restored under it would remember what has never happened there.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Incarnation(Struct, frozen=True):
    """Marks of a database at one moment.

    objects: numbers that the server has given the database and its tables, by name. leases: given so far.
    last_run: the run that ended latest; None: none has.
    """

    objects: Mapping[str, int]
    leases: int
    last_run: str | None


def is_another(before: Incarnation, after: Incarnation, *, knows_last_run: bool) -> bool:
    """Tell whether a table is a new one, leases were never given, or the latest run is unknown.

    A table that is not there proves nothing: it may come back.
    """
    has_forgotten = before.last_run is not None and not knows_last_run
    is_new = any(after.objects.get(name, number) != number for name, number in before.objects.items())
    return is_new or after.leases < before.leases or has_forgotten
