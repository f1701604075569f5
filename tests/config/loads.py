"""Loading of settings in tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pytest

from syncer.config.settings import Settings
from syncer.domain.errors import UsageError


class Load(Protocol):
    """Load the settings that this TOML text, these secret files and these variables give."""

    def __call__(
        self, toml: str | None = None, files: Mapping[str, str | bytes] | None = None, /, **environ: str
    ) -> Settings: ...


def refusal(
    load: Load, toml: str | None = None, files: Mapping[str, str | bytes] | None = None, /, **environ: str
) -> str:
    """Return the error with which a configuration is refused."""
    with pytest.raises(UsageError) as refused:
        load(toml, files, **environ)
    assert refused.value.__cause__ is None
    return str(refused.value)
