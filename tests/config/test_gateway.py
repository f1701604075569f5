"""The settings of the gateway."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from syncer.domain.errors import UsageError
from tests.config.loads import Load, refusal

TOKEN = "a-token-of-the-tests"


def test_the_gateway_is_off_and_serves_everything_where_nothing_is_said(load: Load) -> None:
    gateway = load().gateway
    assert (gateway.enabled, gateway.serve) == (False, ("*",))
    assert (gateway.max_age, gateway.max_wait) == (timedelta(hours=1), timedelta(seconds=30))


def test_a_token_comes_from_the_file_and_is_a_secret(load: Load, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = load(f"[gateway]\nenabled = true\ntoken_file = '{tmp_path}/token'\n")
    settings.check_access()
    assert settings.gateway.token.get_secret_value() == TOKEN
    assert TOKEN in settings.secrets()
    assert TOKEN not in f"{settings!r} {settings}"


def test_a_token_that_somebody_may_guess_is_refused(load: Load) -> None:
    assert refusal(load, "[gateway]\ntoken = 'short'\n") == (
        "config.toml: gateway.token should have 8 characters or more."
    )


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("[gateway]\nenabled = true\n", "set gateway.token or gateway.token_file"),
        (f"[web]\nenabled = false\n[gateway]\nenabled = true\ntoken = '{TOKEN}'\n", "web.enabled = true"),
        (f"[web]\ntoken = '{TOKEN}'\n[gateway]\nenabled = true\ntoken = '{TOKEN}'\n", "are the same"),
        (f"[kombo]\napi_key = '{TOKEN}'\n[gateway]\nenabled = true\ntoken = '{TOKEN}'\n", "an API key"),
        (
            f"[environments.us]\napi_key = '{TOKEN}'\n[gateway]\nenabled = true\ntoken = '{TOKEN}'\n",
            "an API key",
        ),
    ],
)
def test_a_gateway_without_a_way_in_of_its_own_is_refused(load: Load, toml: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        load(toml).check_access()
    assert TOKEN not in str(refused.value)


def test_a_gateway_that_is_off_asks_for_nothing(load: Load) -> None:
    load("[web]\nenabled = false\n").check_access()


def test_lists_to_serve_are_those_that_there_are(load: Load) -> None:
    assert load("[gateway]\nserve = []\n").gateway.serve == ()
    shifts = "[[lists]]\nname = 'hris_shifts'\npath = '/hris/shifts'\n[gateway]\nserve = ['hris_shifts']\n"
    assert load(shifts).gateway.serve == ("hris_shifts",)
    assert "There is no model 'hris_emplyees'" in refusal(load, "[gateway]\nserve = ['hris_emplyees']\n")
