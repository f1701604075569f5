"""Jobs of the queue: one for each stream that is due, the most urgent first, integrations in turns."""

from __future__ import annotations

from syncer.domain.ratelimit.budget import Purpose
from syncer.domain.scheduling.jobs import WaitingJob, job_lock, plan_jobs, queue_names
from syncer.domain.stream_key import StreamKey

POLLED, FULL, TOLD = int(Purpose.INCREMENTAL), int(Purpose.FULL), int(Purpose.WEBHOOK)


def of(integration: str, number: int) -> StreamKey:
    return StreamKey(integration, f"model-{number}")


def test_integrations_take_turns_within_a_purpose_and_the_more_urgent_purpose_goes_first() -> None:
    due = {of("a", 1): POLLED, of("a", 2): POLLED, of("b", 1): POLLED, of("b", 2): TOLD, of("a", 3): POLLED}
    plan = plan_jobs(due, {})
    assert list(plan.made) == [of("b", 2), of("a", 1), of("b", 1), of("a", 2), of("a", 3)]
    assert plan.made == due
    assert not plan.outranked


def test_a_stream_whose_job_waits_gets_no_other_one_unless_it_has_become_more_urgent() -> None:
    due = {of("a", 1): TOLD, of("a", 2): POLLED, of("a", 3): POLLED}
    waiting = {
        of("a", 1): WaitingJob(7, POLLED),
        of("a", 2): WaitingJob(8, POLLED),
        of("a", 3): WaitingJob(9, TOLD),
        of("b", 1): WaitingJob(10, FULL),
    }
    plan = plan_jobs(due, waiting)
    assert plan.made == {of("a", 1): TOLD}
    assert plan.outranked == {of("a", 1): 7}


def test_names_of_queues_fit_a_channel_and_tell_mirrors_and_environments_apart() -> None:
    long = "x" * 40
    names = [queue_names("procrastinate", long), queue_names("procrastinate", f"{long[1:]}y")]
    names += [queue_names("other", long), queue_names("procrastinate", "default")]
    queues = [each for name in names for each in (name.told, name.regular)]
    assert len(set(queues)) == len(queues)
    assert all(len(f"procrastinate_queue_v1#{each}".encode()) < 64 for each in queues)
    assert names[0].of(TOLD) == names[0].told
    assert names[0].of(POLLED) == names[0].of(FULL) == names[0].regular


def test_streams_of_two_environments_have_locks_of_their_own() -> None:
    assert job_lock("us", of("a", 1)) != job_lock("default", of("a", 1))
