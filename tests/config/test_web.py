"""The settings of the web server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.loads import Load, refusal

TOKEN = "a-token-of-the-tests"


def test_a_token_comes_from_the_file_and_is_a_secret(load: Load, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = load(f"[web]\ntoken_file = '{tmp_path}/token'\nhosts = ['mirror.example.com', '::1']\n")
    assert settings.web.token.get_secret_value() == TOKEN
    assert settings.web.hosts == ("mirror.example.com", "::1")
    assert TOKEN in settings.secrets()
    assert TOKEN not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    "host", ["mirror.example.com:443", "https://mirror", "*", "a b", "", "[::1]", "müsli"]
)
def test_a_host_is_a_name_and_nothing_else(load: Load, host: str) -> None:
    assert refusal(load, f"[web]\nhosts = ['{host}']\n") == (
        "config.toml: web.hosts[0] should be a name such as mirror.example.com, without a port."
    )


def test_hosts_are_a_list(load: Load) -> None:
    assert 'web.hosts should be a list such as ["mirror.example.com"]' in refusal(
        load, "[web]\nhosts = 'mirror.example.com'\n"
    )
