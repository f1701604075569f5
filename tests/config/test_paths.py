"""Paths in the configuration: which file a relative one names, wherever the program is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.config.loading import load_settings
from syncer.config.settings import Settings
from tests.config.loads import Load, refusal

KEY = "kombo-key-1234"


def loaded(config: Path, **environ: str) -> Settings:
    return load_settings(config, environ, config.parent / "no secrets")


def database_of(settings: Settings) -> str:
    return settings.database.url.get_secret_value()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, while the working directory is another one."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "etc").mkdir()
    return tmp_path / "etc"


def test_relative_paths_start_at_the_folder_of_the_file(folder: Path) -> None:
    config = folder / "config.toml"
    (folder / "key").write_text(KEY)
    (folder / "hook").write_text("hook-secret-1")
    config.write_text('[kombo]\napi_key_file = "key"\n[web]\ntoken_file = "../etc/hook"\n')
    for named in (config, Path("../etc/config.toml")):
        settings = loaded(named)
        assert settings.api_key() == KEY
        assert settings.web.token.get_secret_value() == "hook-secret-1"
        # The default, too.
        assert Path(database_of(settings).removeprefix("sqlite:///")).resolve() == folder / "kombo.db"


def test_where_a_path_is_given_makes_no_difference(folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text('[database]\nurl = "sqlite:///data/other.db"\n')
    assert database_of(loaded(config)) == f"sqlite:///{folder}/data/other.db"
    assert (
        database_of(loaded(config, SYNCER_DATABASE__URL="sqlite:///own.db")) == f"sqlite:///{folder}/own.db"
    )
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "SYNCER_DATABASE__URL").write_text("sqlite:///mounted.db")
    assert database_of(load_settings(config, {}, secrets)) == f"sqlite:///{folder}/mounted.db"


def test_without_a_file_relative_paths_are_those_of_the_working_directory(load: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    settings = load(SYNCER_KOMBO__API_KEY_FILE="key", SYNCER_DATABASE__URL="sqlite:///own.db")
    assert settings.api_key() == KEY
    assert database_of(settings) == "sqlite:///own.db"


def test_absolute_paths_and_homes_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    config = folder.parent / "config.toml"
    (folder / "key").write_text(KEY)
    for url, expected in {
        "sqlite:////srv/kombo.db": "sqlite:////srv/kombo.db",
        "sqlite:///~/kombo.db": f"sqlite:///{folder}/kombo.db",
        "sqlite:///file:kombo.db?uri=true": f"sqlite:///file:{config.parent}/kombo.db?uri=true",
        "sqlite:///file:///srv/kombo.db?mode=ro&uri=true": "sqlite:///file:/srv/kombo.db?mode=ro&uri=true",
        "postgresql://db/syncer": "postgresql://db/syncer",
    }.items():
        config.write_text(f'[database]\nurl = "{url}"\n[kombo]\napi_key_file = "~/key"\n')
        assert (database_of(loaded(config)), loaded(config).api_key()) == (expected, KEY)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///:memory:", "should name a file"),
        ("sqlite:///file::memory:?uri=true", "should name a file"),
        ("sqlite:///file:kombo?mode=memory&cache=shared&uri=true", "should name a file"),
        ("sqlite:///?mode=ro", "should name a file"),
        ("sqlite:///file:kombo.db", "sqlite:///file:FILE?uri=true"),
        ("sqlite:///kombo.db?uri=true", "sqlite:///file:FILE?uri=true"),
        ("sqlite:///~nobody-of-that-name/kombo.db", "the home of a user who does not exist"),
    ],
)
def test_what_names_no_file_is_refused(load: Load, url: str, expected: str) -> None:
    message = refusal(load, SYNCER_DATABASE__URL=url)
    assert message.startswith("environment variable SYNCER_DATABASE__URL: database.url ")
    assert expected in message


def test_a_secret_in_place_of_its_file_is_not_repeated(load: Load) -> None:
    for value in (KEY, f"a/{KEY}", f"/{KEY}", f"~{KEY}/x", f"{KEY}\\u0000"):
        message = refusal(load, f'[kombo]\napi_key_file = "{value}"\n')
        assert message.startswith("config.toml: kombo.api_key_file ")
        assert KEY not in message
