"""Who goes next: of the streams that are due and the integrations that they belong to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from syncer.domain.stream_key import StreamKey


def in_turn(due: Mapping[StreamKey, int], turns: Mapping[str, int]) -> list[StreamKey]:
    """What is due in the order in which it should begin.

    due: streams and the ranks of their purposes, those that wait longest first. turns: the number of each
    integration's last run among all. The most urgent purpose first; then the integration whose turn was the
    longest ago; then whoever waits longest.
    """
    return sorted(due, key=lambda key: (due[key], turns.get(key.integration_id, 0)))


def next_in_turn(due: Sequence[StreamKey], running: Collection[StreamKey]) -> StreamKey | None:
    """The stream to start next: the first due one of the integration with the fewest runs under way."""
    at_work = Counter(integration for integration, _ in running)
    fewest: StreamKey | None = None
    for key in due:
        if key not in running and (fewest is None or at_work[key.integration_id] < at_work[fewest[0]]):
            fewest = key
            if not at_work[key.integration_id]:
                break
    return fewest


def must_yield(due: Sequence[StreamKey], running: Sequence[StreamKey]) -> StreamKey | None:
    """The run that gives its place up, all places being taken, so that a waiting integration gets a turn.

    It is the latest of the integration that has most runs under way, and only where another integration has a
    stream due and no run at all.
    """
    at_work = Counter(integration for integration, _ in running)
    if not any(integration not in at_work for integration, _ in due):
        return None
    greatest, count = at_work.most_common(1)[0] if at_work else ("", 0)
    return [key for key in running if key.integration_id == greatest][-1] if count > 1 else None
