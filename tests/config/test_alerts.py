"""The receiver of alerts in the configuration."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncer.domain.alerts.message import MessageFormat
from tests.config.loads import Load, refusal

ALERTS = """
[alerts]
url = "https://hooks.example.com/services/T0/t0ps3cret"
token = "anoth3r"
"""


def test_without_a_url_there_is_no_receiver(load: Load) -> None:
    assert load("").alerts.settings() is None


def test_a_receiver_has_its_defaults_and_its_secrets_are_hidden(load: Load, tmp_path: Path) -> None:
    settings = load(ALERTS)
    alerts = settings.alerts.settings()
    assert alerts is not None
    assert (alerts.form, alerts.after) == (MessageFormat.JSON, timedelta(hours=1))
    assert (alerts.host, alerts.token) == ("hooks.example.com", "anoth3r")
    for secret in ("t0ps3cret", "anoth3r"):
        assert secret not in repr(settings) + repr(alerts)
    assert {alerts.url, alerts.token} <= {*settings.secrets()}
    assert settings.secret_files == (tmp_path / "config.toml",)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("https://", "ftp://", "alerts.url should be a URL such as https://app.example.com/alerts."),
        (
            "https://",
            "https://me:hunter2@",
            "alerts.url should be a URL without user and password: set token.",
        ),
        ("t0ps3cret", "t0ps3cret#a", "alerts.url should be a URL without a fragment."),
        ("url =", "format = 'teams'\nurl =", "alerts.format should be "),
        ("url =", "after = '0s'\nurl =", "alerts.after should be longer than nothing."),
        ("url =", "url_file =", "alerts.url_file cannot be read in "),
        (
            'url = "https://hooks.example.com/services/T0/t0ps3cret"',
            "",
            "alerts.token has no effect without url.",
        ),
        ("url =", "urls = 1\nurl =", "there is no setting alerts.urls."),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence_without_its_secrets(
    load: Load, before: str, after: str, expected: str
) -> None:
    assert before in ALERTS
    message = refusal(load, ALERTS.replace(before, after, 1))
    assert expected in message
    assert "\n" not in message
    for secret in ("t0ps3cret", "hunter2", "anoth3r"):
        assert secret not in message
