"""Settings from texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from syncer.config.loading import load_settings
from syncer.config.settings import Settings
from tests.config.loads import Load


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load settings in a folder of their own."""
    monkeypatch.chdir(tmp_path)

    def loaded(
        toml: str | None = None, files: Mapping[str, str | bytes] | None = None, /, **environ: str
    ) -> Settings:
        secrets = tmp_path / "secrets"
        secrets.mkdir(exist_ok=True)
        for name, content in (files or {}).items():
            (secrets / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        if toml is not None:
            (tmp_path / "config.toml").write_text(toml)
        return load_settings(environ=environ, secrets=secrets)

    return loaded
