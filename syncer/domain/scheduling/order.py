"""Who goes next: of the streams that are due and the integrations that they belong to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

Key = tuple[str, str]


def in_turn(due: Mapping[Key, int], turns: Mapping[str, int]) -> list[Key]:
    """What is due in the order in which it should begin.

    due: streams and the ranks of their purposes, those that wait longest first. turns: the number of each
    integration's last run among all. The most urgent purpose first; then the integration whose turn was the
    longest ago; then whoever waits longest.
    """
    return sorted(due, key=lambda key: (due[key], turns.get(key[0], 0)))


def next_in_turn(due: Sequence[Key], running: Collection[Key]) -> Key | None:
    """The stream to start next: the first due one of the integration with the fewest runs under way."""
    at_work = Counter(integration for integration, _ in running)
    fewest: Key | None = None
    for key in due:
        if key not in running and (fewest is None or at_work[key[0]] < at_work[fewest[0]]):
            fewest = key
            if not at_work[key[0]]:
                break
    return fewest


def must_yield(due: Sequence[Key], running: Sequence[Key]) -> Key | None:
    """The run that gives its place up, all places being taken, so that a waiting integration gets a turn.

    It is the latest of the integration that has most runs under way, and only where another integration has a
    stream due and no run at all.
    """
    at_work = Counter(integration for integration, _ in running)
    if not any(integration not in at_work for integration, _ in due):
        return None
    greatest, count = at_work.most_common(1)[0] if at_work else ("", 0)
    return [key for key in running if key[0] == greatest][-1] if count > 1 else None
