"""The program with little patience: what it waits for at a database is the same, only shorter.

Started as a program with the arguments of the command line.
"""

from __future__ import annotations

from datetime import timedelta

from syncer.cli import main
from syncer.daemon import schedule
from syncer.daemon import service as run
from syncer.daemon.workers import Workers
from syncer.domain.streams import attempts
from syncer.store.db import engines, postgres_session
from syncer.store.db.postgres_connection import PatientConnection

#: Milliseconds for a lock of SQLite's, and seconds between two attempts on a database that is away.
LOCK, PAUSE = 300, 0.1
#: Seconds without an answer of PostgreSQL's, a little more than a page waits for, and for its locks.
SILENCE, POSTGRES_LOCK = 6.0, 1.0


def be_impatient() -> None:
    """Let this process give up, and try again, after fractions of a second."""
    engines.SQLITE_BUSY_MS = LOCK
    postgres_session.LIMITS["lock_timeout"] = f"{POSTGRES_LOCK}s"
    PatientConnection.answer_within = SILENCE
    attempts.RETRY_TABLE_FIRST = attempts.RETRY_TABLE_LONGEST = timedelta(seconds=PAUSE)
    for module in (run, schedule):
        vars(module)["MAKE_UP_EVERY"] = PAUSE
    for function, argument, seconds in (
        (Workers.__init__, "database_pause", PAUSE),
        (run.run_service, "look_every", PAUSE),
    ):
        defaults = function.__kwdefaults__
        assert defaults is not None
        defaults[argument] = seconds


if __name__ == "__main__":
    be_impatient()
    main()
