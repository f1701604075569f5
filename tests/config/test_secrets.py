"""Secrets in the configuration: where they are read from, and that nothing shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.domain.errors import UsageError
from syncer.process.logging import Redactor
from tests.config.loads import Load, refusal

KEY = "kombo-key-1234"


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
        f"config.toml: kombo.api_key_file cannot be read in {tmp_path}: No such file or directory."
    )
    assert "web.token_file is an empty file." in refusal(load, "[web]\ntoken_file = 'empty'\n")
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
        SYNCER_WEB__TOKEN=KEY,
        SYNCER_DATABASE__URL=f"postgresql://syncer:{KEY}@db/syncer",
    )
    assert KEY not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://syncer:p%40ss%2Fw+rd@db/mirror",
        "postgresql://syncer@db/mirror?password=p%40ss%2Fw+rd",
        "postgresql://syncer@db/mirror?sslmode=require&sslpassword=p%40ss%2Fw+rd",
    ],
)
def test_a_database_password_is_hidden_decoded_as_well_as_written(load: Load, url: str) -> None:
    hide = Redactor(load(SYNCER_DATABASE__URL=url).secrets()).hide
    # In a query a plus is a space.
    for form in ("p%40ss%2Fw+rd", "p@ss/w+rd", "p@ss/w rd"):
        assert form not in hide(f"the server refuses {form} of syncer")
