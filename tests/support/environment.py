"""Environment variables of tests and of the programs that they start: no settings but those of a test.

Plugin of pytest.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme

#: A PostgreSQL server to use instead of the embedded one: a URL whose user may create databases.
POSTGRES_VARIABLE = "SYNCER_TEST_POSTGRES_URL"


def pytest_configure(config: pytest.Config) -> None:
    """Have programs trust one authority, whose key nobody has: those of the system take a while to be read.

    Each program does so when it starts, and nothing that tests speak to has a certificate of theirs.
    """
    directory = TemporaryDirectory(prefix="syncer-trusted-")
    config.add_cleanup(directory.cleanup)
    file = Path(directory.name) / "authority.pem"
    trustme.CA().cert_pem.write_to_path(file)
    os.environ["SSL_CERT_FILE"] = str(file)
    os.environ.pop("SSL_CERT_DIR", None)


def without_settings() -> dict[str, str]:
    """Give this process's environment without settings of the program."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("SYNCER_")}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - without_settings().keys() - {POSTGRES_VARIABLE}:
        monkeypatch.delenv(name)
    # A width that is given beats that of the terminal; pytest-xdist gives one.
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach what is served on this machine directly, whatever proxy the machine is set up for."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
