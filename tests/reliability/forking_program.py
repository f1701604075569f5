"""The program, imported once, and a fork of it for every command that is asked for.

Started as a program of its own, which never has a thread, so that a fork is whole. A line of JSON on standard
input starts a child, which is the command line as its users have it; answers are the child's number and, when
it has ended, how.
"""

from __future__ import annotations

import gc
import importlib
import json
import mmap
import os
import pkgutil
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

#: Seconds that no command takes: then it is ended, and the test fails.
PATIENCE = 300.0

#: What libraries import when they are first used.
_LATE = (
    "anyio._backends._asyncio",
    "httpcore",
    "psycopg.types.json",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)


def _serve() -> None:
    """Start a process for every line of standard input, until its end."""
    _import_everything()
    counts = mmap.mmap(-1, 16)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        counts[:] = bytes(16)
        assert threading.active_count() == 1
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _be_the_program(order, counts)
        print(child, flush=True)
        killed, code = _outlive(child, order["kill_point"])
        commits, statements = struct.unpack("qq", counts[:])
        ended = {
            "killed": killed,
            "code": code,
            "commits": commits,
            "statements": statements,
            "seconds": time.monotonic() - began,
        }
        print(json.dumps(ended), flush=True)


def _import_everything() -> None:
    import syncer

    for module in pkgutil.walk_packages(syncer.__path__, "syncer."):
        if "simulator" not in module.name and "__main__" not in module.name:
            importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)
    # What is there now stays for ever: collections in the children would only copy its pages.
    gc.collect()
    gc.freeze()


def _outlive(child: int, kill_point: dict[str, Any] | None) -> tuple[bool, int | None]:
    """Wait for the child's end, or bring it about; whether it was killed, else its exit code."""
    seconds = kill_point["at"] if kill_point is not None and kill_point["kind"] == "seconds" else PATIENCE
    ended = os.pidfd_open(child)
    try:
        if not select.select([ended], [], [], seconds)[0]:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(ended)
    code = os.waitstatus_to_exitcode(status)
    return (True, None) if code == -signal.SIGKILL else (False, code)


def _be_the_program(order: dict[str, Any], counts: mmap.mmap) -> None:
    """Run the command line to its end, which is the end of the process. Never returns."""
    from syncer.cli import main

    code: object = 1
    try:
        nothing, log = (
            os.open(os.devnull, os.O_RDONLY),
            os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        )
        for ours, its in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(ours, its)
        os.environ.update(order["settings"])
        sys.argv = ["syncer", *order["arguments"]]
        _arm(order["kill_point"], counts)
        if order["skew"]:
            ahead = datetime.now(UTC) + timedelta(seconds=order["skew"])
            time_machine.travel(ahead, tick=True).start()
        main()
    except SystemExit as end:
        code = end.code
        sys.stdout.flush()
    finally:
        os._exit(code if isinstance(code, int) else 0)


def _arm(kill_point: dict[str, Any] | None, counts: mmap.mmap) -> None:
    """Count commits and statements from here on, and end at the chosen one."""
    from sqlalchemy import Engine, event
    from sqlalchemy.engine.default import DefaultDialect

    one_by_one = threading.Lock()
    places = {"commit": 0, "statement": 1}
    blow = signal.SIGSTOP if kill_point is not None and kill_point["stops"] else signal.SIGKILL
    fatal = (places.get(kill_point["kind"]), kill_point["at"]) if kill_point is not None else None

    def passing(place: int) -> None:
        with one_by_one:
            passed: int = struct.unpack_from("q", counts, place * 8)[0] + 1
            struct.pack_into("q", counts, place * 8, passed)
            if (place, passed) == fatal:
                os.kill(os.getpid(), blow)

    commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit

    def do_commit(self: DefaultDialect, dbapi_connection: Any) -> None:
        passing(0)
        commit(self, dbapi_connection)
        passing(0)

    DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]

    @event.listens_for(Engine, "before_cursor_execute")
    def before(*_: object) -> None:
        passing(1)


if __name__ == "__main__":
    _serve()
