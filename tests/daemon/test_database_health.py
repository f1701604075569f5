"""The database can be used or cannot: said once for each trouble, whoever meets it and however often."""

from __future__ import annotations

from structlog.testing import capture_logs

from syncer.daemon.database_health import DatabaseHealth
from syncer.domain.errors import DatabaseUnavailable


def test_a_trouble_is_said_once_and_is_over_when_everybody_has_got_through() -> None:
    health, calls = DatabaseHealth(), 0

    def count() -> None:
        nonlocal calls
        calls += 1

    health.on_recovery(count)
    with capture_logs() as logged:
        health.report_success("schedule")
        for side in ("a stream", "schedule", "a stream", "a stream"):
            health.report_failure(side, DatabaseUnavailable(f"{side} met it."))
        assert health.error == "a stream met it."
        health.report_success("a stream")
        assert health.error == "schedule met it."
        # Another one says nothing: what it wanted may have been less.
        health.report_success("another stream")
        assert calls == 0
        health.report_success("schedule")
        assert calls == 1
    assert [each["event"] for each in logged] == ["database_unavailable", "database_back"]


def test_the_next_trouble_is_said_again() -> None:
    health = DatabaseHealth()
    with capture_logs() as logged:
        for _ in range(2):
            health.report_failure("schedule", DatabaseUnavailable())
            health.report_success("schedule")
    assert [each["event"] for each in logged] == ["database_unavailable", "database_back"] * 2
