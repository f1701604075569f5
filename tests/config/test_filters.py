"""Filters of models in the configuration."""

from __future__ import annotations

import pytest

from tests.config.loads import Load, refusal


@pytest.mark.parametrize(
    ("model", "filters", "sent"),
    [
        (
            "hris_timesheets",
            "{started_after = 2026-01-31T12:00:00+02:00}",
            {"started_after": "2026-01-31T10:00:00Z"},
        ),
        (
            "hris_timesheets",
            "{started_after = 2026-01-31T12:00:00}",
            {"started_after": "2026-01-31T12:00:00Z"},
        ),
        ("hris_timesheets", "{started_after = 2026-01-31}", {"started_after": "2026-01-31"}),
        (
            "hris_timesheets",
            "{started_after = '2026-01-31T00:00:00.5Z'}",
            {"started_after": "2026-01-31T00:00:00.5Z"},
        ),
        ("hris_timesheets", "{employee_id = 'e1'}", {"employee_id": "e1"}),
        ("ats_jobs", "{statuses = ['OPEN', 'DRAFT']}", {"statuses": "OPEN,DRAFT"}),
        ("ats_jobs", "{statuses = 'OPEN, DRAFT'}", {"statuses": "OPEN,DRAFT"}),
        ("hris_employees", "{custom_fields = {a = [1, 'ü']}}", {"custom_fields": '{"a":[1,"\\u00fc"]}'}),
        ("hris_employees", "{custom_fields = '{\"a\": 1}'}", {"custom_fields": '{"a":1}'}),
        ("hris_employees", "{employment_status = 'ACTIVE'}", {"employment_status": "ACTIVE"}),
    ],
)
def test_filters_are_made_ready_for_the_query(
    load: Load, model: str, filters: str, sent: dict[str, str]
) -> None:
    assert load(f"[sync.model.{model}]\nfilters = {filters}\n").sync.for_model(model).filters == sent


@pytest.mark.parametrize(
    ("filters", "key", "expected"),
    [
        ("{group = 'g'}", "group", "is not a filter of hris_employees: it has employment_statuses,"),
        ("{updated_after = 2026-01-01}", "updated_after", "is not a filter of hris_employees"),
        (
            "{employment_statuses = ['ACTIV']}",
            "employment_statuses",
            "does not know 'ACTIV'. Did you mean ACTIVE?",
        ),
        ("{employment_status = 'gone'}", "employment_status", "There are ACTIVE, PENDING, INACTIVE, LEAVE."),
        ("{employment_status = ['ACTIVE']}", "employment_status", "should be a text"),
        ("{group_ids = []}", "group_ids", "should be a list"),
        ("{group_ids = ['a,b']}", "group_ids", "hold no comma"),
        ("{group_ids = 5}", "group_ids", "should be a list"),
        ("{custom_fields = '{'}", "custom_fields", "JSON"),
        ("{custom_fields = 2026-01-01}", "custom_fields", "JSON"),
    ],
)
def test_filters_are_checked_against_the_catalogue(load: Load, filters: str, key: str, expected: str) -> None:
    message = refusal(load, f"[sync.model.hris_employees]\nfilters = {filters}\n")
    assert message.startswith(f"config.toml: sync.model.hris_employees.filters.{key} ")
    assert expected in message


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-01-01T00:00:00+02:00", "2026-01-01 00:00:00", "1"]
)
def test_other_texts_than_times_are_refused_as_times(load: Load, text: str) -> None:
    toml = f"[sync.model.hris_timesheets]\nfilters = {{started_after = '{text}'}}\n"
    assert "should be a time in UTC such as 2026-01-31T00:00:00Z." in refusal(load, toml)
