"""Error of an answer that is whole, and that no repetition makes readable."""

from __future__ import annotations


class Unusable(ValueError):
    """The message ends a sentence and repeats nothing of the answer."""
