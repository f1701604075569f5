"""Finding: the result of one check."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True):
    """Result of one check. subject: what was checked; found: the result in words.

    is_warning: well, but somebody should do something about it. environment: whose it is; None: of all.
    lines: of configuration that would do it.
    """

    subject: str
    is_well: bool
    found: str
    is_warning: bool = False
    environment: str | None = None
    lines: tuple[str, ...] = ()
