"""Faults in the configuration: each with its place, and what is expected there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from syncer.config.settings import Settings
from tests.config.loads import Load, refusal


def test_all_faults_are_told_at_once_each_with_its_place(load: Load, tmp_path: Path) -> None:
    message = refusal(
        load,
        """
        [kombo]
        page_size = 251
        api_kye = "x"
        api_key_file = "gone"
        region = "de"
        [[integrations]]
        models = ["lms_skils"]
        [sync.model.hris_groups]
        filters = { types = ["TEAM", "TRIBE"] }
        [sync.model.hris_timesheets]
        every = "0s"
        filters = { started = "2026-01-01" }
        [surprise]
        """,
        {"SYNCER_LOG__FORMAT": "xml", "SYNCER_LOG__LEVLE": "INFO"},
        SYNCER_WEB__PORT="http",
        SYNCER_WEB_HOST="0.0.0.0",
    )
    assert message.splitlines() == [
        "The configuration has 14 faults:",
        "  environment variable SYNCER_WEB_HOST: there is no such setting. Did you mean SYNCER_WEB__HOST?",
        f"  {tmp_path}/secrets/SYNCER_LOG__LEVLE: there is no such setting. Did you mean SYNCER_LOG__LEVEL?",
        f"  config.toml: kombo.api_key_file cannot be read in {tmp_path}: No such file or directory.",
        "  config.toml: kombo.region should be 'eu', 'us' or 'ca'.",
        "  config.toml: kombo.page_size should be less than or equal to 250.",
        "  config.toml: there is no setting kombo.api_kye. Did you mean kombo.api_key?",
        "  config.toml: integrations[0].id is missing.",
        "  config.toml: integrations[0].models[0]: There is no model 'lms_skils'. Did you mean lms_skills"
        " or hris_skills or lms_users?",
        "  config.toml: sync.model.hris_groups.filters.types does not know 'TRIBE'."
        " There are DEPARTMENT, TEAM, COST_CENTER.",
        "  config.toml: sync.model.hris_timesheets.every should be longer than nothing,"
        ' or a cron expression such as "0 * * * *".',
        "  config.toml: sync.model.hris_timesheets.filters.started is not a filter of hris_timesheets:"
        " it has employee_id, started_before, started_after, ended_before, ended_after.",
        "  environment variable SYNCER_WEB__PORT: web.port should be a valid integer.",
        f"  {tmp_path}/secrets/SYNCER_LOG__FORMAT: log.format should be 'auto', 'text' or 'json'.",
        "  config.toml: there is no setting surprise.",
    ]


def test_a_single_fault_is_a_single_line(load: Load) -> None:
    assert refusal(load, "[sync]\nconcurrency = 0\n") == (
        "config.toml: sync.concurrency should be greater than or equal to 1."
    )


@pytest.mark.parametrize("toml", ["[kombo\n", "[kombo]\nregion = eu\n", "[kombo]\n[kombo]\n"])
def test_broken_toml_names_file_line_and_column(load: Load, toml: str) -> None:
    assert re.fullmatch(r"config\.toml is not TOML: .*\(at line \d+, column \d+\)\.", refusal(load, toml))


def test_a_list_and_tables_of_the_same_name_are_explained(load: Load) -> None:
    assert "[sync.model.NAME]" in refusal(
        load, "[sync]\nmodels = ['*']\n[sync.models.hris_groups]\nevery = '1h'\n"
    )


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SYNCER_SYNC__MODELS", "hris_*", 'sync.models should be a list such as ["hris_*"].'),
        ("SYNCER_SYNC__MODELS", "[]", "sync.models should have at least 1 item"),
        (
            "SYNCER_PRIVACY__EXCLUDE",
            "hris_employees.ssn",
            'privacy.exclude should be a list such as ["hris_employees.ssn"].',
        ),
        (
            "SYNCER_PRIVACY__EXCLUDE",
            '["*.remote_data", "hris_employees.snn"]',
            "privacy.exclude[1]: There is no member 'snn' in hris_employees. Did you mean ssn?",
        ),
        (
            "SYNCER_PRIVACY__EXCLUDE",
            '["*.id"]',
            "privacy.exclude[0]: The mirror keeps its rows by id: '*.id' cannot be excluded.",
        ),
        ("SYNCER_INTEGRATIONS", "personio:1", 'integrations should be a list such as [{"id": "personio:8'),
        ("SYNCER_INTEGRATIONS", '[{"id": "a"}, {"id": "a"}]', "integrations name a twice."),
        ("SYNCER_SYNC", "[", "sync should be a table."),
        (
            "SYNCER_SYNC__MODEL__HRIS_TEAMZ__EVERY",
            "1h",
            "sync.model.hris_teamz: There is no model 'hris_teamz'.",
        ),
        (
            "SYNCER_SYNC__MODEL__HRIS_GROUPS__EVRY",
            "1h",
            "Did you mean SYNCER_SYNC__MODEL__HRIS_GROUPS__EVERY?",
        ),
        ("SYNCER_SYNC__LEASE", "0s", "sync.lease should be longer than nothing."),
        ("SYNCER_SYNC__EVERY_MAX", "14m", "sync.every_max should not be shorter than every."),
        ("SYNCER_SYNC__EVERY_MAX", "8d", 'sync.every_max should be at most "7d": Kombo tells of deletions'),
        ("SYNCER_BUDGET__RESERVE", "100%", 'a percentage below 100 such as "10%".'),
        ("SYNCER_DATABASE__URL", "sqlite:///:memory:", "database.url should name a file"),
        ("SYNCER_DATABASE__URL", "postgresql://db", "database.url should end in the name of a database."),
        ("SYNCER_DATABASE__URL", "oracle://db/x", "database.url should be sqlite:///FILE or postgresql://"),
        ("SYNCER_KOMBO__BASE_URL", "api.kombo.dev", "kombo.base_url should be a URL such as"),
    ],
)
def test_a_fault_says_what_is_expected(load: Load, variable: str, value: str, expected: str) -> None:
    message = refusal(load, **{variable: value})
    assert message.startswith(f"environment variable {variable}: ")
    assert expected in message


@pytest.mark.parametrize(
    "name", ["SYNCER_TYPO", "SYNCER_KOMBO_API_KEY", "SYNCER_WEB__PORTS", "SYNCER_LOG__LEVEL__X"]
)
def test_a_variable_that_sets_nothing_is_a_fault(load: Load, name: str) -> None:
    assert f"environment variable {name}: there is no such setting." in refusal(load, **{name: "1"})


@pytest.mark.parametrize(
    "name",
    [
        "SYNCER_TEST_POSTGRES_URL",
        "SYNCER_SERVICE_HOST",
        "SYNCER_SERVICE_PORT_HTTP",
        "SYNCER_PORT_8484_TCP_ADDR",
    ],
)
def test_variables_of_tests_and_of_kubernetes_are_let_be(load: Load, name: str) -> None:
    assert load(**{name: "1"}) == Settings()


def test_an_empty_variable_sets_nothing(load: Load) -> None:
    assert load("[kombo]\nregion = 'us'\n", SYNCER_KOMBO__REGION="").kombo.region == "us"
