"""When a failed request goes out again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.errors import (
    ConcurrencyLimited,
    CursorRefused,
    IntegrationGone,
    KeyRefused,
    KomboError,
    ModelUnavailable,
    NotReady,
    RateLimited,
    RequestRefused,
    Transient,
    Unreachable,
)
from syncer.kombo.retry import RetryState, next_retry


def waits(error: KomboError, random: float) -> list[float]:
    """The waits until the error is final."""
    tries, found = RetryState(), []
    while (again := next_retry(error, tries, lambda: random)) is not None:
        wait, tries = again
        found.append(wait)
    return found


def test_backoff_doubles_up_to_a_bound_and_ends_after_six_tries() -> None:
    assert waits(Transient(), 0.5) == [1, 2, 4, 8, 15]
    assert waits(Transient(), 0.0) == [0, 0, 0, 0, 0]


def test_concurrency_backoff_begins_at_one_second() -> None:
    assert waits(ConcurrencyLimited(), 0.0) == [1, 1, 1, 1, 1]
    assert waits(ConcurrencyLimited(), 0.75) == [1.5, 3, 6, 12, 22.5]


def test_a_used_up_budget_costs_no_backoff_and_is_borne_ten_times() -> None:
    assert waits(RateLimited(), 0.5) == [0] * 9


def test_refusals_for_the_budget_leave_the_tries_of_a_failure_alone() -> None:
    after_refusals = RetryState(refusals=9)
    assert next_retry(Transient(), after_refusals, lambda: 0.5) == (1.0, RetryState(1, 9))
    assert next_retry(RateLimited(), RetryState(failures=5), lambda: 0.5) == (0.0, RetryState(5, 1))


@pytest.mark.parametrize(
    "kind",
    [NotReady, ModelUnavailable, IntegrationGone, CursorRefused, KeyRefused, RequestRefused, KomboError],
)
def test_what_a_retry_cannot_mend_is_final_at_once(kind: type[KomboError]) -> None:
    assert next_retry(kind(), RetryState(), lambda: 0.5) is None


@given(
    draws=st.lists(st.floats(0, 1, exclude_max=True), min_size=20, max_size=20),
    errors=st.lists(st.sampled_from([Transient, ConcurrencyLimited]), min_size=20, max_size=20),
)
def test_one_request_never_spends_more_than_a_minute_of_backoff(
    draws: list[float], errors: list[type[Transient]]
) -> None:
    tries, spent = RetryState(), 0.0
    for draw, kind in zip(draws, errors, strict=True):
        again = next_retry(kind(), tries, lambda draw=draw: draw)  # type: ignore[misc]
        if again is None:
            break
        wait, tries = again
        spent += wait
        assert wait >= 0
    assert again is None
    assert spent <= 60
    assert tries.failures <= 5


def unsent() -> Transient:
    error = Transient()
    error.unsent = True
    return error


def test_where_nobody_has_ever_answered_somebody_who_waits_hears_within_two_seconds() -> None:
    found, tries, slow = [], RetryState(), Unreachable()
    while (again := next_retry(Unreachable(), tries, lambda: 0.99, is_first_contact=True)) is not None:
        wait, tries = again
        found.append(wait)
    assert len(found) == 2
    assert sum(found) < 2
    slow.is_final = True
    assert next_retry(slow, RetryState(), lambda: 0.5, is_first_contact=True) is None
    assert len(waits(slow, 0.5)) == 5, "but for the tries of a first contact it is as other failures"
    assert next_retry(Transient(), RetryState(), lambda: 0.5, is_first_contact=True) == (1, RetryState(1))


def test_what_must_not_be_done_twice_goes_out_again_only_if_it_certainly_was_not_done() -> None:
    for sure in (RateLimited(), ConcurrencyLimited(), Transient(status=429), unsent()):
        assert next_retry(sure, RetryState(), lambda: 0.5, once=True) == next_retry(
            sure, RetryState(), lambda: 0.5
        )
    for doubtful in (Transient(), Transient(status=500), Transient(status=503, code="REMOTE.RATE_LIMIT")):
        assert next_retry(doubtful, RetryState(), lambda: 0.5) is not None
        assert next_retry(doubtful, RetryState(), lambda: 0.5, once=True) is None
