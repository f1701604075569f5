"""The mirror for programs in Python: filled, kept current and read without the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from syncer.app import App
from syncer.config.loading import load_settings
from syncer.config.settings import Settings
from syncer.domain.errors import UsageError
from syncer.domain.streams.stream import Mode
from syncer.operations.sync import sync
from syncer.process.logging import log_to_standard_library

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from syncer.sync.context import Result


class Mirror:
    """A mirror, by its configuration. It holds nothing open between two calls, and threads may share it.

    config: a TOML file; sections: what would stand in one, as ``kombo={"api_key": …}``. Without either the
    settings are those of the command line: variables of the environment, and config.toml in the working
    directory. Its log goes to the standard library's, below ``syncer``.

    In a coroutine call it in a thread: ``await asyncio.to_thread(mirror.sync)``.

    Raises UsageError where the settings cannot be used.
    """

    def __init__(self, config: str | Path | None = None, **sections: Any) -> None:
        if config is not None and sections:
            raise UsageError("Give a Mirror a file or sections of a configuration, not both.")
        self._settings = _settings(sections) if sections else load_settings(Path(config) if config else None)
        log_to_standard_library(self._settings.secrets())

    def migrate(self) -> None:
        """Make the tables, or bring them to this version. Raises DatabaseError."""
        app = App(self._settings)
        try:
            app.migrate(may_create=True)
        finally:
            app.close()

    def backfill(self, *, integrations: Sequence[str] = (), models: Sequence[str] = ()) -> list[Result]:
        """Read everything that the mirror has not read yet; give the result of each stream.

        integrations, models: only these; models may be globs. Streams that fail are results, too. Raises
        UsageError, KeyRefused, DatabaseError, and a KomboError where Kombo is not reached at all.
        """
        return self._run(Mode.BACKFILL, integrations, models)

    def sync(self, *, integrations: Sequence[str] = (), models: Sequence[str] = ()) -> list[Result]:
        """Read what has changed since the last time; otherwise as ``backfill``."""
        return self._run(Mode.SYNC, integrations, models)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection of SQLAlchemy that reads, for as long as the block. Raises DatabaseError."""
        app = App(self._settings)
        try:
            with app.database.read() as connection:
                yield connection
        finally:
            app.close()

    def _run(self, mode: Mode, integrations: Sequence[str], models: Sequence[str]) -> list[Result]:
        async def run() -> list[Result]:
            async with App(self._settings) as app:
                return await sync(app, mode, integrations=integrations, models=models, may_create=True)

        return asyncio.run(run())


def _settings(sections: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate({"database": {}, **sections})
    except ValidationError as error:
        # Without the input: it may be a secret.
        found = error.errors(include_input=False, include_url=False)
        faults = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
        raise UsageError(f"The settings of the mirror are wrong: {'; '.join(faults)}.") from None
