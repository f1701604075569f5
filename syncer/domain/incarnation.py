"""Incarnation of a database: whether it is still the one that a process began with. Pure.

A process that goes on while a backup is restored under it would remember what has never happened there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incarnation:
    """Marks of a database at one moment.

    objects: numbers that the server gives its tables. leases: given so far. last_run: the run
    that ended latest; None: none has.
    """

    objects: tuple[int | None, ...]
    leases: int
    last_run: str | None


def is_another(before: Incarnation, after: Incarnation, *, knows_last_run: bool) -> bool:
    """Tell whether tables are new, leases were never given, or the latest run is unknown."""
    has_forgotten = before.last_run is not None and not knows_last_run
    return after.objects != before.objects or after.leases < before.leases or has_forgotten
