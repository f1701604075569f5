"""Jobs of the queue that workers take their streams from: one for each stream that is due. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b

from msgspec import Struct

from syncer.domain.ratelimit.budget import TOLD
from syncer.domain.stream_key import StreamKey

#: PostgreSQL takes 63 bytes for the name of a channel, which begins with 23 of the library's.
_SHOWN = 22


class QueueNames(Struct, frozen=True):
    """Names of an environment's queues. told: of what webhooks or writes
    have told of, for which there are places."""

    told: str
    regular: str

    def of(self, rank: int) -> str:
        """Choose the queue of a stream by the rank of its purpose."""
        return self.told if rank in TOLD else self.regular


class WaitingJob(Struct, frozen=True):
    """Job that nobody has taken yet. rank: of the purpose that its stream was due for."""

    id: int
    rank: int


class JobPlan(Struct, frozen=True):
    """Jobs to make, in their order, with the ranks of their streams; outranked: jobs that these replace."""

    made: Mapping[StreamKey, int]
    outranked: Mapping[StreamKey, int]


def queue_names(schema: str, environment: str) -> QueueNames:
    """Name the queues of an environment of the mirror whose queue is in this schema.

    Channels belong to the whole database: those of another mirror have other names.
    """
    digest = blake2b(f"{schema}/{environment}".encode(), digest_size=6).hexdigest()
    name = f"{environment[:_SHOWN]}#{digest}"
    return QueueNames(f"{name}!", name)


def job_lock(environment: str, key: StreamKey) -> str:
    """Name what no two jobs at work, nor two that wait, have in common: the stream."""
    return f"{environment}/{key.integration_id}/{key.model}"


def plan_jobs(due: Mapping[StreamKey, int], waiting: Mapping[StreamKey, WaitingJob]) -> JobPlan:
    """Plan the jobs of streams that have none yet, or one of a less urgent purpose.

    due: streams and the ranks of their purposes, those that wait longest first. Of one purpose the
    integrations take turns: a queue keeps the order in which jobs come to it.
    """
    outranked = {
        key: waiting[key].id for key, rank in due.items() if key in waiting and rank < waiting[key].rank
    }
    places = Counter[tuple[int, str]]()
    turns = dict[StreamKey, tuple[int, int]]()
    for key, rank in due.items():
        if key not in waiting or key in outranked:
            turns[key] = rank, places[rank, key.integration_id]
            places[rank, key.integration_id] += 1
    return JobPlan({key: due[key] for key in sorted(turns, key=turns.__getitem__)}, outranked)
