"""Key of a stream within its environment."""

from __future__ import annotations

from typing import NamedTuple


class StreamKey(NamedTuple):
    """One list of one integration: the unit of syncing, locking and state.

    model: the name of a model or of a native list.
    """

    integration_id: str
    model: str
