"""Suggestions for misspelt names."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, at_most: int = 3, cutoff: float = 0.5) -> str:
    """Suggest the known names that resemble this one: ``" Did you mean a or b?"``, ``""`` if none does.

    It begins with a blank, to follow a sentence. cutoff: the least likeness, 0 to 1.
    """
    # Read where a name is unknown.
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), n=at_most, cutoff=cutoff)
    return f" Did you mean {' or '.join(near)}?" if near else ""
