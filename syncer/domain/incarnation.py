"""Incarnation of a database: whether it is still the one that a process began with. Pure.

A process that goes on while a backup is restored under it would remember what has never happened there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Incarnation:
    """Marks of a database at one moment. objects: what the server calls its tables; leases: given so far."""

    objects: tuple[int | None, ...]
    leases: int


def is_another(before: Incarnation, after: Incarnation) -> bool:
    """Tell whether tables were made anew, or what only grows has shrunk."""
    return after.objects != before.objects or after.leases < before.leases
