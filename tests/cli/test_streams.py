"""Standard streams as shells, schedulers and pipes give them: closed, full, unread, of another encoding."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from tests.support.command_line import Ran
from tests.support.processes import SYNCER
from tests.support.waiting import PATIENCE, until

if TYPE_CHECKING:
    from tests.support.command_line import Shell

#: Text that no encoding but one of Unicode holds.
GREEK = "Αλέξανδρος"
CLOSED = "Error: Standard output cannot be written: it is closed.\n"
FULL = "Error: Standard output cannot be written: No space left on device.\n"


def in_shell(shell: Shell, script: str, **settings: str) -> Ran:
    """Run a line of shell in which ``syncer`` is the program."""
    done = subprocess.run(
        ["bash", "-c", f'syncer() {{ {" ".join(SYNCER)} "$@"; }}\n{script}'],
        cwd=shell.directory,
        env=shell.environ(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def asking_sqlite(shell: Shell, sqlite_url: str) -> Shell:
    """The command line on an empty database, for what no database makes different."""
    shell.settings = {"SYNCER_DATABASE__URL": sqlite_url}
    assert shell.run("migrate").code == 0
    return shell


@pytest.fixture
def unread() -> Iterator[int]:
    """The writing end of a pipe that is full, and that nobody reads."""
    ours, its = os.pipe()
    fcntl.fcntl(its, fcntl.F_SETPIPE_SZ, 4096)
    os.write(its, b"x" * 4096)
    yield its
    os.close(ours)
    os.close(its)


@pytest.mark.parametrize(
    ("arguments", "redirection", "said"),
    [
        ("--help", ">&-", CLOSED),
        ("models --json", "> /dev/full", FULL),
        ("schema hris_groups", ">&-", CLOSED),
        ("query 'SELECT 1'", "> /dev/full", FULL),
        ("query 'SELECT 1' --format json", ">&-", CLOSED),
        ("models", "> /dev/full 2>&-", ""),
    ],
)
def test_what_cannot_be_printed_is_one_sentence_and_code_1(
    asking_sqlite: Shell, arguments: str, redirection: str, said: str
) -> None:
    ran = in_shell(asking_sqlite, f"syncer {arguments} {redirection}")
    assert (ran.code, ran.out, ran.err) == (1, "", said)


@pytest.mark.parametrize(
    ("arguments", "redirection", "said"), [("sync", ">&-", CLOSED), ("sync --json", "> /dev/full", FULL)]
)
def test_the_work_is_done_though_its_summary_cannot_be_printed(
    mirror: Shell, arguments: str, redirection: str, said: str
) -> None:
    ran = in_shell(mirror, f"syncer {arguments} {redirection}")
    assert (ran.code, ran.err) == (1, said)
    assert mirror.run("status", "--json").json["totals"]["streams"] == {"complete": 3}


@pytest.mark.parametrize("redirection", ["2>&-", "2> /dev/full", "<&- >&- 2>&-"])
def test_an_error_that_cannot_be_printed_keeps_its_code(shell: Shell, redirection: str) -> None:
    ran = in_shell(shell, f"syncer sync {redirection}")
    assert (ran.code, ran.out, ran.err) == (3, "", "")


def test_a_reader_that_has_seen_enough_is_no_error(asking_sqlite: Shell) -> None:
    script = "syncer {} | head -1; exit ${{PIPESTATUS[0]}}"
    numbers = "WITH n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    for arguments in ("schema", f"query '{numbers.replace('WITH', 'WITH RECURSIVE')}'"):
        ran = in_shell(asking_sqlite, script.format(arguments))
        assert (ran.code, ran.out.count("\n"), ran.err) == (0, 1, "")


@pytest.mark.parametrize(("form", "encoding"), [("csv", "latin-1"), ("json", "ascii"), ("jsonl", "utf-16")])
def test_what_programs_read_is_utf8_whatever_the_terminal_is(
    asking_sqlite: Shell, form: str, encoding: str
) -> None:
    asked = f"SELECT '{GREEK}' AS name"
    ran = in_shell(asking_sqlite, f'syncer query "{asked}" --format {form}', PYTHONIOENCODING=encoding)
    assert (ran.code, ran.err) == (0, "")
    assert GREEK in ran.out


def test_tables_for_people_have_marks_for_what_the_terminal_lacks(asking_sqlite: Shell) -> None:
    asked = f"SELECT '{GREEK}' AS name"
    ran = in_shell(asking_sqlite, f'syncer query "{asked}" --format table', PYTHONIOENCODING="latin-1")
    assert (ran.code, ran.err) == (0, "")
    assert "\\u0391\\u03bb" in ran.out


def test_sql_on_standard_input_is_utf8(asking_sqlite: Shell) -> None:
    script = f"""syncer query - <<< "SELECT '{GREEK}' AS name" """
    assert in_shell(asking_sqlite, script, PYTHONIOENCODING="latin-1").out == f"name\n{GREEK}\n"
    refused = in_shell(asking_sqlite, r"printf 'SELECT \xff' | syncer query -")
    assert refused.code == 2
    assert refused.err.endswith("Error: Standard input is not a text in UTF-8.\n")


@pytest.mark.parametrize(
    "variables",
    [
        {"TZ": "nonsense", "COLUMNS": "junk", "LINES": "²", "HOME": "/nowhere"},
        {"COLUMNS": "²", "LC_ALL": "xx_YY", "LANG": "nonsense"},
        {"COLUMNS": "99999999999", "TERM": "dumb", "NO_COLOR": ""},
    ],
    ids=str,
)
def test_variables_that_mean_nothing_break_nothing(
    asking_sqlite: Shell, variables: Mapping[str, str]
) -> None:
    asking_sqlite.settings |= variables
    ran = asking_sqlite.on_terminal("models", width=120)
    assert ran.code == 0
    assert "hris_employees" in ran.plain


@pytest.mark.parametrize("arguments", [["schema", "--json"], ["query", "SELECT * FROM sqlite_master"]])
def test_ctrl_c_ends_a_command_whose_output_nobody_reads(
    asking_sqlite: Shell, unread: int, arguments: list[str]
) -> None:
    assert interrupted(asking_sqlite, unread, *arguments) == 130


@pytest.mark.parametrize("arguments", [["sync"], ["check"]])
def test_ctrl_c_ends_work_whose_output_nobody_reads(mirror: Shell, unread: int, arguments: list[str]) -> None:
    # Where all streams were read all the same nothing was interrupted.
    assert interrupted(mirror, unread, *arguments) in {0, 130}
    # No stream is left to a process that is not there any more.
    assert mirror.run("sync").code == 0


def interrupted(shell: Shell, unread: int, *arguments: str) -> int:
    """Start a command, wait until it cannot print, interrupt it once; gives its exit code."""
    command = subprocess.Popen(
        [*SYNCER, *arguments],
        cwd=shell.directory,
        env=shell.environ(),
        stdout=unread,
        stderr=subprocess.DEVNULL,
    )
    with command:
        until(lambda: waits_for_pipe(command.pid), "a write that waits")
        command.send_signal(signal.SIGINT)
        return command.wait(PATIENCE)


def waits_for_pipe(pid: int) -> bool:
    """Tell whether a thread of the process waits for the reader of a pipe."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/wchan") as waits:
            if "pipe_w" in waits.read():
                return True
    return False
