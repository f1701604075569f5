"""Lives of the program that end by SIGKILL at a chosen instant, cheap enough for many of them.

The program takes a second to start, most of it for imports. So a *nursery* imports it once and forks a child
for every life; the child is the command line as its users have it, in a process of its own. It is started as
a program from this file and never has a thread of its own, so that a fork is whole.
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
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import certifi
import time_machine

#: Seconds that no life takes: then it is ended, and the test fails.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Death:
    """When a life shall end.

    commit: at the boundary of a transaction that has this number; each commit has two, directly before it is
    carried out and directly after. statement: before the SQL statement of this number, so within a
    transaction. seconds: after so long, wherever it is. stops: it is not killed there but stopped (not for
    seconds), and goes on after SIGCONT.
    """

    kind: Literal["commit", "statement", "seconds"]
    at: float
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """A life that has ended.

    killed: by SIGKILL. code: its exit code otherwise. commits: boundaries of transactions it reached,
    statements: SQL statements it began; seconds: how long it lived. said: what it wrote.
    """

    killed: bool
    code: int | None
    commits: int
    statements: int
    seconds: float
    said: str = ""

    def well(self) -> Life:
        """This life, which must have come to a good end."""
        assert self.code == 0, f"killed: {self.killed}, exit code: {self.code}\n{self.said}"
        return self


@dataclass
class Nursery:
    """Begins lives, one at a time. log: where the present one writes."""

    process: subprocess.Popen[str]
    log: Path
    present: Living | None = None

    def live(self, *arguments: str, death: Death | None = None, settings: Mapping[str, str] = {}) -> Life:
        """A life of ``syncer`` with these arguments; without a death it is over when the command is."""
        return self.begin(*arguments, death=death, settings=settings).end()

    def begin(
        self,
        *arguments: str,
        death: Death | None = None,
        settings: Mapping[str, str] = {},
        skew: timedelta = timedelta(0),
    ) -> Living:
        """Begin a life; skew: how far Python's clock is ahead of the host's in it."""
        assert self.process.stdin is not None
        order = {
            "arguments": arguments,
            "settings": dict(settings),
            "death": death and asdict(death),
            "skew": skew.total_seconds(),
            "log": str(self.log),
        }
        print(json.dumps(order), file=self.process.stdin, flush=True)
        self.present = Living(self, self.answer())
        return self.present

    def clear(self) -> None:
        """End what a test has left that failed."""
        if self.present is not None and self.present.ended is None:
            with suppress(ProcessLookupError):
                self.present.send(signal.SIGKILL)
            self.present.end()

    def answer(self) -> Any:
        """What the nursery tells next."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the nursery has ended; its own message stands above"
        return json.loads(line)


@dataclass
class Living:
    """A life that goes on."""

    nursery: Nursery
    pid: int
    ended: Life | None = None

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self) -> Life:
        """Wait for its end."""
        if self.ended is None:
            life = Life(**self.nursery.answer())
            said = self.nursery.log.read_text()
            assert life.seconds < PATIENCE, f"a life came to no end:\n{said}"
            self.ended = replace(life, said=said)
        return self.ended


@contextmanager
def nursery(directory: Path) -> Iterator[Nursery]:
    """A nursery whose lives work in that directory; it ends with the block."""
    ours = {name: value for name, value in os.environ.items() if not name.upper().startswith("SYNCER_")}
    # Nobody speaks TLS here, and to read the certificates of the whole world takes a quarter of a short life.
    one, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
    (directory / "certificate.pem").write_text(one + end)
    ours["SSL_CERT_FILE"] = str(directory / "certificate.pem")
    with subprocess.Popen(
        [sys.executable, str(Path(__file__))],
        cwd=directory,
        env=ours,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C ends the tests, and their end ends the nursery.
        start_new_session=True,
    ) as process:
        yield Nursery(process, directory / "said.txt")


#: What libraries import when they are first used.
_LATE = (
    "anyio._backends._asyncio",
    "httpcore",
    "psycopg.types.json",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
)


# -- in the nursery ------------------------------------------------------------------------------------------


def _serve() -> None:
    """Begin a life for every line of standard input, until its end."""
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
        killed, code = _outlive(child, order["death"])
        commits, statements = struct.unpack("qq", counts[:])
        ended = Life(killed, code, commits, statements, time.monotonic() - began)
        print(json.dumps(asdict(ended)), flush=True)


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


def _outlive(child: int, death: dict[str, Any] | None) -> tuple[bool, int | None]:
    """Wait for the child's end, or bring it about; whether it was killed, else its exit code."""
    seconds = death["at"] if death is not None and death["kind"] == "seconds" else PATIENCE
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
        _doom(order["death"], counts)
        if order["skew"]:
            ahead = datetime.now(UTC) + timedelta(seconds=order["skew"])
            time_machine.travel(ahead, tick=True).start()
        main()
    except SystemExit as end:
        code = end.code
        sys.stdout.flush()
    finally:
        os._exit(code if isinstance(code, int) else 0)


def _doom(death: dict[str, Any] | None, counts: mmap.mmap) -> None:
    """Count commits and statements from here on, and die at the chosen one."""
    from sqlalchemy import Engine, event
    from sqlalchemy.engine.default import DefaultDialect

    one_by_one = threading.Lock()
    places = {"commit": 0, "statement": 1}
    blow = signal.SIGSTOP if death is not None and death["stops"] else signal.SIGKILL
    fatal = (places.get(death["kind"]), death["at"]) if death is not None else None

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
