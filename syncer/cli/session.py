"""One call of the program: global options, settings, logging, secrets."""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from msgspec import Struct

from syncer.cli.output import print_note
from syncer.domain.durations import describe_elapsed
from syncer.domain.errors import UsageError

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.config.settings import Settings
    from syncer.process.logging import Redactor

#: Events of the log that a command reports itself.
_REPORTED = frozenset({"run_ended", "run_failed", "integration_refused", "kombo_unreachable"})
#: Seconds of a wait that are worth a note.
WORTH_A_NOTE = 3.0


class Session(Struct):
    """Context of a command, filled by the global options."""

    config: Path | None = None
    debug: bool = False
    _redactor: Redactor | None = None

    def settings(self) -> Settings:
        """Load the settings of this call, and hide the secrets among them from now on. Raises UsageError."""
        from syncer.config.loading import load_settings

        settings = load_settings(self.config)
        self._redact(settings)
        return settings

    def app(
        self,
        *,
        settings: Settings | None = None,
        is_service: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> App:
        """Make the app, with logging set up; the caller opens and closes it.

        A command that is over soon speaks for itself: its log only warns unless set to DEBUG. A service does
        not wait for whoever reads its log.
        """
        from syncer.app import App
        from syncer.process.logging import configure_logging
        from syncer.process.memory import gc_freeze, gc_while_running, tune_malloc

        tune_malloc()
        settings = settings or self.settings()
        self._redact(settings)
        level = settings.log.level
        if not is_service and level == "INFO":
            level = "WARNING"
        stream = sys.stderr if is_service else cast(TextIO, _CurrentStderr())
        configure_logging(
            level, settings.log.format, redactor=self._redactor, stream=stream, in_background=is_service
        )
        if not is_service and level != "DEBUG":
            _leave_to_the_command()
        app = App(settings, environ=environ, read_key=self._read_key)
        if not is_service and sys.stderr.isatty():
            app.on_wait = _LimitNote()
        gc_freeze()
        gc_while_running()
        return app

    def _read_key(self, environment: str) -> str:
        """Read the API key of an environment again, which may have been replaced since. Raises UsageError."""
        from syncer.config.loading import load_settings

        settings = load_settings(self.config)
        if environment not in settings.environment_names:
            raise UsageError(f"The environment {environment} is not configured any more.")
        key = settings.of_environment(environment).api_key()
        assert self._redactor is not None
        self._redactor.redact(key)
        return key

    @contextmanager
    def opened_app(self) -> Iterator[App]:
        """Open the app for a command that needs the database alone, and close it."""
        app = self.app()
        try:
            yield app
        finally:
            app.close()

    def hide(self, text: str) -> str:
        """Hide the secrets of the environment and of the settings, as far as they were read, in a text."""
        if self._redactor is None:
            self._redact()
        assert self._redactor is not None
        return self._redactor.hide(text)

    def _redact(self, settings: Settings | None = None) -> None:
        from syncer.config.secrets import environment_secrets
        from syncer.process.logging import Redactor

        self._redactor = Redactor(environment_secrets(os.environ))
        for secret in settings.secrets() if settings else ():
            self._redactor.redact(secret)


def _leave_to_the_command() -> None:
    """Filter events out of the log that a command reports itself, by its results or its error."""

    def is_news(record: logging.LogRecord) -> bool:
        return not (isinstance(record.msg, dict) and record.msg.get("event") in _REPORTED)

    for handler in logging.getLogger().handlers:
        handler.addFilter(is_news)


class _LimitNote:
    """Note on stderr for the person who waits: the request limit begins to keep the command waiting."""

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self, seconds: float) -> None:
        now = time.monotonic()
        if seconds >= WORTH_A_NOTE and now >= self._until:
            print_note(f"Waiting for the request limit: {describe_elapsed(seconds)}.")
            self._until = now + seconds


class _CurrentStderr(io.TextIOBase):
    """The sys.stderr of the moment: progress bars replace it, so that a log line stands above them."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return sys.stderr.encoding
