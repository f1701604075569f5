"""The program with little patience: what it waits for at a database is the same, only shorter.

Started as a program with the arguments of the command line.
"""

from __future__ import annotations

from syncer.cli import main
from syncer.daemon import schedule
from syncer.daemon import service as run
from syncer.daemon.workers import Workers
from syncer.store.db import engines

#: Milliseconds for a lock of SQLite's, and seconds between two attempts on a database that is away.
LOCK, PAUSE = 300, 0.1


def be_impatient() -> None:
    """Let this process give up, and try again, after fractions of a second."""
    engines.SQLITE_BUSY_MS = LOCK
    for module in (run, schedule):
        vars(module)["MAKE_UP_EVERY"] = PAUSE
    defaults = Workers.__init__.__kwdefaults__
    assert defaults is not None
    defaults["database_pause"] = PAUSE


if __name__ == "__main__":
    be_impatient()
    main()
