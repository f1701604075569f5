"""Result of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check. subject: what was checked; found: the result in words.

    is_warning: well, but somebody should do something about it.
    """

    subject: str
    is_well: bool
    found: str
    is_warning: bool = False
