"""The database can be used or cannot: said once for each trouble, whoever meets it and however often."""

from __future__ import annotations

from structlog.testing import capture_logs

from syncer.daemon.database_health import Availability
from syncer.domain.errors import DatabaseUnavailable


def test_a_trouble_is_said_once_and_is_over_when_everybody_has_got_through() -> None:
    availability, calls = Availability(), 0

    def count() -> None:
        nonlocal calls
        calls += 1

    availability.when_back(count)
    with capture_logs() as logged:
        availability.works("schedule")
        for side in ("a stream", "schedule", "a stream", "a stream"):
            availability.failed(side, DatabaseUnavailable(f"{side} met it."))
        assert availability.error == "a stream met it."
        availability.works("a stream")
        assert availability.error == "schedule met it."
        # Another one says nothing: what it wanted may have been less.
        availability.works("another stream")
        assert calls == 0
        availability.works("schedule")
        assert calls == 1
    assert [each["event"] for each in logged] == ["database_unavailable", "database_back"]


def test_the_next_trouble_is_said_again() -> None:
    availability = Availability()
    with capture_logs() as logged:
        for _ in range(2):
            availability.failed("schedule", DatabaseUnavailable())
            availability.works("schedule")
    assert [each["event"] for each in logged] == ["database_unavailable", "database_back"] * 2
