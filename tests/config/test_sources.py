"""Sources of settings, and which of them wins."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.config.loading import load_settings
from syncer.config.settings import Settings
from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Reserve
from tests.config.loads import Load, refusal

KEY = "kombo-key-1234"


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


def test_other_files_beside_secrets_are_left_alone(load: Load) -> None:
    assert load(None, {"keystore.jks": b"\xfe\xed", "SYNCER_KOMBO__REGION": "us"}).kombo.region == "us"
    message = refusal(load, None, {"SYNCER_KOMBO__REGION": b"\xfe\xed"})
    assert message.endswith("secrets/SYNCER_KOMBO__REGION: cannot be read as UTF-8 text.")


def test_a_variable_of_a_setting_wins_over_that_of_its_table(load: Load) -> None:
    sync = load(SYNCER_SYNC='{"lease": "1s", "overlap": "2s"}', SYNCER_SYNC__LEASE="3s").sync
    assert (sync.lease, sync.overlap) == (timedelta(seconds=3), timedelta(seconds=2))


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
        SYNCER_WEB__TOKEN_FILE=str(tmp_path / "hook"),
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
    assert settings.web.token.get_secret_value() == "hook-secret"
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
