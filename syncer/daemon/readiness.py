"""Readiness of the service: named checks of what it needs, and of whether it goes on with its work."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from syncer.config.settings import Settings
from syncer.daemon.activity import Activity
from syncer.daemon.ticks import twice
from syncer.domain.durations import describe_span
from syncer.domain.streams.stall import find_stall, silence
from syncer.store.reading.numbers import MirrorNumbers

#: Silence of the scheduler from which it does not tick any more; it has a job every five seconds.
SCHEDULER_SILENT = timedelta(seconds=30)


class Check(StrEnum):
    """Names of the checks.

    database: it can be used. migrated: its schema is this version's, or that of a newer
    one that has been started beside this one. scheduler: it ticks. progress: some
    stream is read to its end, as far as there is something to read.
    """

    DATABASE = "database"
    MIGRATED = "migrated"
    SCHEDULER = "scheduler"
    PROGRESS = "progress"


def check_scheduler(activity: Activity) -> str | None:
    """Find what is wrong with the scheduler, in a sentence."""
    age = activity.tick_age
    if age is None:
        return "The scheduler has not begun yet."
    if age > SCHEDULER_SILENT:
        return f"The scheduler has not ticked for {describe_span(age.total_seconds())}."
    return None


def check_progress(numbers: MirrorNumbers, settings: Settings, activity: Activity) -> Mapping[str, str]:
    """Find the environments in which nothing goes on, each with a sentence."""
    found = {}
    for name, each in numbers.environments.items():
        silent_for = silence(numbers.now, each.newest_complete_at, activity.ages)
        lists = each.overdue & settings.lists.keys()
        stall = find_stall(
            silent_for, {model: twice(settings.timing(model).every, numbers.now) for model in sorted(lists)}
        )
        if stall is not None:
            span = describe_span(stall.silent_for.total_seconds())
            found[name] = (
                f"No stream has been complete and no page was stored for {span}, "
                f"although {stall.list_name} is due."
            )
    return found
