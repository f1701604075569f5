"""Intervals and cron expressions."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.config.schedules import cron, mean_interval
from tests.config.loads import Load, refusal


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("*/5 * * * *", "*/5 * * * *"),
        ("0 6 * * 0", "0 6 * * sun"),
        ("0 6 * * 7", "0 6 * * sun"),
        ("0 6 * * 1-5", "0 6 * * mon,tue,wed,thu,fri"),
        ("0 6 * * 5-7", "0 6 * * sun,fri,sat"),
        ("0 6 * * SAT-mon", "0 6 * * sun,mon,sat"),
        ("0 6 * * */2", "0 6 * * sun,tue,thu,sat"),
        ("0 6 * * 1,4/2", "0 6 * * mon,thu,sat"),
        ("0 0 29 2 *", "0 0 29 2 *"),
    ],
)
def test_weekdays_of_cron_expressions_count_from_sunday(text: str, expression: str) -> None:
    assert cron(text) == expression


@pytest.mark.parametrize(
    "text",
    [
        "0 * * *",
        "60 * * * *",
        "0 0 31 2 *",
        "0 0 * * 8",
        "0 0 * * mo",
        "0 0 * * */0",
        "0 0 1 * 1",
        "x y z a b",
    ],
)
def test_a_cron_expression_that_cannot_be_is_refused(load: Load, text: str) -> None:
    assert refusal(load, f"[sync]\nevery = '{text}'\n").startswith("config.toml: sync.every ")


@pytest.mark.parametrize(
    ("every", "mean"),
    [
        (timedelta(minutes=7), timedelta(minutes=7)),
        ("*/5 * * * *", timedelta(minutes=5)),
        ("0 3 * * *", timedelta(days=1)),
        ("0 0,12 * * mon", timedelta(days=3.5)),
        ("0 0 1 1 *", timedelta(days=366)),
        ("* 8-17 * * mon-fri", timedelta(days=7) / (5 * 600)),
    ],
)
def test_turns_of_a_schedule_have_a_mean_interval(every: timedelta | str, mean: timedelta) -> None:
    assert abs(mean_interval(every) - mean) < mean * 0.05


def test_an_interval_is_stretched_to_every_max_and_never_shortened_by_it(load: Load) -> None:
    sync = load(
        """
        [sync]
        every_max = "6h"
        [sync.model.hris_groups]
        every_max = "12h"
        [sync.model.hris_absences]
        every = "2d"
        [sync.model.hris_employees]
        every = "0 * * * *"
        """
    ).sync
    longest = {name: sync.for_model(f"hris_{name}").every_max for name in ("groups", "absences", "locations")}
    assert longest == {
        "groups": timedelta(hours=12),
        "absences": timedelta(days=2),
        "locations": timedelta(hours=6),
    }
    # A cron expression is meant as it stands.
    assert sync.for_model("hris_employees").every_max is None
