"""The configuration: where values come from, and what a wrong one is told."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.config.keys import setting_keys
from syncer.config.loading import load_settings
from syncer.config.schedules import cron, mean_interval
from syncer.config.settings import Settings
from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Reserve

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
#: The example with what it only suggests.
SUGGESTED = re.sub(r"^# (?=\[|\w+ = )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
KEY = "kombo-key-1234"

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the settings that this TOML text, these variables and these secret files give."""
    monkeypatch.chdir(tmp_path)

    def loaded(toml: str | None = None, files: Mapping[str, str] | None = None, **environ: str) -> Settings:
        secrets = tmp_path / "secrets"
        secrets.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            (secrets / name).write_text(text)
        if toml is not None:
            (tmp_path / "config.toml").write_text(toml)
        return load_settings(environ=environ, secrets=secrets)

    return loaded


def refusal(load: Load, *given: str | Mapping[str, str], **environ: str) -> str:
    with pytest.raises(UsageError) as refused:
        load(*given, **environ)
    assert refused.value.__cause__ is None
    return str(refused.value)


# --- the example


def keys_in(given: Any, keys: set[str], before: str = "") -> Iterator[str]:
    """The settings that a table names; NAME stands for a name that the user puts there."""
    for each in given if isinstance(given, list) else [given]:
        for name, value in each.items():
            key = next(
                (
                    key
                    for key in (f"{before}{name}", f"{before}NAME")
                    if any(f"{known}.".startswith(f"{key}.") for known in keys)
                ),
                f"{before}{name}",
            )
            if key in keys:
                yield key
            else:
                assert isinstance(value, dict | list), f"{key} is no setting"
                yield from keys_in(value, keys, f"{key}.")


def test_the_example_loads_and_shows_the_defaults(load: Load) -> None:
    assert load(EXAMPLE.read_text()) == Settings()


def test_the_example_names_every_setting() -> None:
    keys = {re.sub(r"(\.NAME)+$", "", key) for key in setting_keys()}
    assert set(keys_in(tomllib.loads(SUGGESTED), keys)) == keys


def test_what_the_example_only_suggests_loads_too(load: Load) -> None:
    text = SUGGESTED
    for key in ("api_key_file", "webhook_secret_file"):
        text = re.sub(rf"^{key} = .*$", "", text, flags=re.MULTILINE)
    settings = load(text)
    assert settings.integrations[0].models == ("hris_*",)
    assert settings.sync.for_model("hris_timesheets").filters == {"started_after": "2026-01-01T00:00:00Z"}
    assert [each.name for each in settings.native_lists] == [
        "hibob_work_history",
        "hibob_work_entries",
        "workday_workers",
        "hibob_people",
    ]


# --- where values come from


def test_without_any_source_the_defaults_hold(load: Load) -> None:
    settings = load()
    assert settings == Settings()
    assert settings.sync.every == timedelta(minutes=15)
    assert settings.budget.reserve == Reserve(share=0.1)


def test_settings_made_by_hand_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCER_KOMBO__PAGE_SIZE", "7")
    assert Settings().kombo.page_size == 250


def test_the_environment_wins_over_secret_files_and_these_over_the_file(load: Load) -> None:
    toml = "[kombo]\npage_size = 1\nregion = 'us'\ntimeout = '1s'\n"
    settings = load(
        toml,
        {"SYNCER_KOMBO__PAGE_SIZE": "2\n", "SYNCER_KOMBO__REGION": "ca\n", "unrelated": "x"},
        SYNCER_KOMBO__PAGE_SIZE="3",
    )
    assert (settings.kombo.page_size, settings.kombo.region, settings.kombo.timeout) == (
        3,
        "ca",
        timedelta(seconds=1),
    )


def test_every_setting_can_come_from_the_environment(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "hook").write_text("hook-secret")
    settings = load(
        SYNCER_KOMBO__API_KEY_FILE=str(tmp_path / "key"),
        SYNCER_KOMBO__BASE_URL="http://127.0.0.1:1/v1/",
        SYNCER_KOMBO__TIMEOUT="90",
        SYNCER_DATABASE__URL="postgres://u:pw@db/syncer",
        SYNCER_INTEGRATIONS='[{"id": "personio:1", "models": ["hris_*"]}, {"id": "workday:2"}]',
        SYNCER_SYNC__MODELS='["ats_*"]',
        SYNCER_SYNC__EVERY="0 * * * *",
        SYNCER_SYNC__MODEL__ATS_JOBS__EVERY="1h",
        SYNCER_SYNC__MODEL__ATS_JOBS__FILTERS='{"statuses": ["OPEN", "DRAFT"]}',
        SYNCER_SYNC__MODELS__HRIS_GROUPS__EVERY="2h",
        SYNCER_BUDGET__RESERVE="30",
        SYNCER_DELETIONS__MAX_SHARE="0.5",
        SYNCER_PRIVACY__EXCLUDE='["hris_employees.ssn", "*.remote_data"]',
        SYNCER_WEB__ENABLED="false",
        SYNCER_WEB__PORT="0",
        SYNCER_WEB__WEBHOOK_SECRET_FILE=str(tmp_path / "hook"),
        SYNCER_LOG__LEVEL="debug",
    )
    assert settings.api_key() == KEY
    assert settings.base_url == "http://127.0.0.1:1/v1"
    assert settings.kombo.timeout == timedelta(seconds=90)
    assert settings.database.url.get_secret_value() == "postgres://u:pw@db/syncer"
    assert [(each.id, each.models) for each in settings.integrations] == [
        ("personio:1", ("hris_*",)),
        ("workday:2", None),
    ]
    assert settings.sync.models == ("ats_*",)
    assert settings.sync.every == "0 * * * *"
    assert settings.sync.for_model("ats_jobs").every == timedelta(hours=1)
    assert settings.sync.for_model("ats_jobs").filters == {"statuses": "OPEN,DRAFT"}
    assert settings.sync.for_model("hris_groups").every == timedelta(hours=2)
    assert settings.sync.for_model("hris_skills").every == "0 * * * *"
    assert settings.budget.reserve == Reserve(count=30)
    assert (settings.deletions.max_share, settings.web.enabled, settings.web.port) == (0.5, False, 0)
    assert settings.privacy.exclude == ("hris_employees.ssn", "*.remote_data")
    assert settings.web.webhook_secret.get_secret_value() == "hook-secret"
    assert settings.log.level == "DEBUG"
    assert set(settings.secrets()) == {KEY, "hook-secret", "pw"}


def test_the_file_is_the_named_one_or_that_of_the_variable(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text("[web]\nport = 1\n")
    two.write_text("[web]\nport = 2\n")
    environ = {"SYNCER_CONFIG": str(one)}
    assert load_settings(environ=environ).web.port == 1
    assert load_settings(two, environ=environ).web.port == 2


def test_a_file_that_was_named_has_to_be_there(load: Load, tmp_path: Path) -> None:
    assert "missing.toml: No such file" in refusal(load, SYNCER_CONFIG="missing.toml")
    with pytest.raises(UsageError, match=re.escape(str(tmp_path / "other.toml"))):
        load_settings(tmp_path / "other.toml", environ={})


def test_tables_of_models_are_written_under_either_name(load: Load) -> None:
    own = "[sync.{}.hris_timesheets]\nevery = '1h'\n"
    for toml in (
        own.format("models"),
        own.format("model"),
        "[sync]\nmodels = ['hris_*']\n" + own.format("model"),
    ):
        assert load(toml).sync.for_model("hris_timesheets").every == timedelta(hours=1)
    assert load(own.format("models")).sync.models == ("*",)


def test_globs_from_the_environment_keep_the_tables_of_the_file(load: Load) -> None:
    settings = load("[sync.models.hris_timesheets]\nevery = '1h'\n", SYNCER_SYNC__MODELS='["hris_*"]')
    assert settings.sync.models == ("hris_*",)
    assert settings.sync.for_model("hris_timesheets").every == timedelta(hours=1)


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu", "https://api.kombo.dev/v1"),
        ("us", "https://api.us.kombo.dev/v1"),
        ("ca", "https://api.ca.kombo.dev/v1"),
    ],
)
def test_a_region_is_an_address(load: Load, region: str, url: str) -> None:
    assert load(SYNCER_KOMBO__REGION=region).base_url == url


# --- keys and secrets


def test_a_key_of_a_higher_source_replaces_the_file_of_a_lower_one(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    assert load("[kombo]\napi_key_file = 'gone'\n", SYNCER_KOMBO__API_KEY=KEY).api_key() == KEY
    assert (
        load("[kombo]\napi_key = 'old'\n", SYNCER_KOMBO__API_KEY_FILE=str(tmp_path / "key")).api_key() == KEY
    )


def test_a_missing_key_is_only_an_error_for_who_needs_it(load: Load) -> None:
    with pytest.raises(UsageError, match="SYNCER_KOMBO__API_KEY"):
        load().api_key()


def test_a_secret_file_that_cannot_be_read_is_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert refusal(load, "[kombo]\napi_key_file = 'gone'\n") == (
        "config.toml: kombo.api_key_file cannot be read: No such file or directory."
    )
    assert "web.webhook_secret_file is an empty file." in refusal(
        load, "[web]\nwebhook_secret_file = 'empty'\n"
    )
    assert "config.toml: kombo.api_key is given twice" in refusal(
        load, f"[kombo]\napi_key = '{KEY}'\napi_key_file = 'empty'\n"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SYNCER_KOMBO__API_KEY", f"{KEY} {KEY}"),
        ("SYNCER_KOMBO__API_KEY", f"{KEY}ü"),
        ("SYNCER_KOMBO__API_KEY", f'{{"a": "{KEY}"}}'),
        ("SYNCER_KOMBO", KEY),
        ("SYNCER_INTEGRATIONS", f'[{{"id": "{KEY} {KEY}"}}]'),
        ("SYNCER_DATABASE__URL", f"mysql://syncer:{KEY}@db/syncer"),
        ("SYNCER_DATABASE__URL", f"postgresql://syncer:{KEY}/@db/syncer"),
        ("SYNCER_KOMBO__BASE_URL", f"https://{KEY}@api.kombo.dev/v1"),
        ("SYNCER_KOMBO__PAGE_SIZE", KEY),
        (f"SYNCER_KOMBO__{KEY}", KEY),
    ],
)
def test_no_error_repeats_a_value(load: Load, name: str, value: str) -> None:
    message = refusal(load, **{name: value})
    assert name in message
    assert KEY not in message.replace(name, "")


def test_no_setting_shows_a_secret_when_printed(load: Load) -> None:
    settings = load(
        SYNCER_KOMBO__API_KEY=KEY,
        SYNCER_WEB__WEBHOOK_SECRET=KEY,
        SYNCER_DATABASE__URL=f"postgresql://syncer:{KEY}@db/syncer",
    )
    assert KEY not in f"{settings!r} {settings}"


# --- faults


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
        "  config.toml: kombo.api_key_file cannot be read: No such file or directory.",
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
        ("SYNCER_INTEGRATIONS", "personio:1", "integrations should be a list."),
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


# --- values


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
    ("given", "reserve"),
    [("30", Reserve(count=30)), (0, Reserve()), ("10%", Reserve(share=0.1)), ("2.5 %", Reserve(share=0.025))],
)
def test_a_reserve_is_a_count_or_a_percentage(load: Load, given: str | int, reserve: Reserve) -> None:
    assert load(f"[budget]\nreserve = {given!r}\n").budget.reserve == reserve


@pytest.mark.parametrize("pacing", ["burst", "even"])
def test_reads_are_paced_in_one_of_two_ways(load: Load, pacing: str) -> None:
    assert load("").budget.pacing == "burst"
    assert load(f"[budget]\npacing = '{pacing}'\n").budget.pacing == pacing
    assert "config.toml: budget.pacing should be" in refusal(load, "[budget]\npacing = 'slow'\n")


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


@pytest.mark.parametrize("given", ["-1", "0.1", "true", "'all'", "'-5%'", "'100%'"])
def test_other_reserves_are_refused(load: Load, given: str) -> None:
    assert "budget.reserve should be a count" in refusal(load, f"[budget]\nreserve = {given}\n")


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
