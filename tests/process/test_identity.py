"""Who owns a lease, and whether that process has died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncer.process.identity import is_dead, this_process

#: Prints its name and lives until its input ends.
CHILD = (
    "import sys; from syncer.process.identity import this_process; "
    "print(this_process(), flush=True); sys.stdin.read()"
)


@contextmanager
def another(code: str = CHILD) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A living process and the name it gives itself."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def with_part(owner: str, place: int, part: str) -> str:
    parts = owner.split("/")
    parts[place] = part
    return "/".join(parts)


def test_this_process_is_not_dead() -> None:
    assert not is_dead(this_process())


def test_a_process_has_a_new_name_each_time_it_asks_and_all_of_them_live() -> None:
    names = {this_process() for _ in range(20)}
    assert len(names) == 20
    assert not any(is_dead(name) for name in names)


def test_a_name_has_six_parts_and_leads_to_the_process() -> None:
    host, boot, namespace, pid, start, nonce = this_process().split("/")
    assert int(pid) == os.getpid()
    assert all((host, boot, namespace, start, nonce))
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_another_process_is_dead_once_it_has_ended() -> None:
    with another() as (process, name):
        assert not is_dead(name)
        process.kill()
        process.wait()
        assert is_dead(name)


def test_a_killed_process_is_dead_though_its_parent_has_not_noticed() -> None:
    with another() as (process, name):
        process.kill()
        # Ended, but not yet taken notice of.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}/stat").exists()
        assert is_dead(name)


def test_a_stopped_process_is_not_dead() -> None:
    with another() as (process, name):
        os.kill(process.pid, signal.SIGSTOP)
        assert not is_dead(name)
        os.kill(process.pid, signal.SIGCONT)


def test_a_number_that_another_process_has_now_is_not_the_owner() -> None:
    name = this_process()
    assert is_dead(with_part(name, 4, str(int(name.split("/")[4]) + 1)))


@pytest.mark.parametrize("place", [1, 2], ids=["boot", "namespace"])
def test_a_process_of_another_machine_or_container_is_never_judged(place: int) -> None:
    with another() as (process, name):
        process.kill()
        process.wait()
    assert is_dead(name)
    assert not is_dead(with_part(name, place, "another"))


@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_a_process_of_which_the_system_told_too_little_is_never_judged(place: int) -> None:
    with another() as (process, name):
        process.kill()
        process.wait()
    assert not is_dead(with_part(name, place, "-"))


@pytest.mark.parametrize("name", ["", "me", "a/b/c", "a/b/c/d/e/f", "a/b/c/d/e/f/g", "//////"])
def test_a_name_that_is_no_name_is_never_judged(name: str) -> None:
    assert not is_dead(name)


def test_a_name_of_this_machine_that_makes_no_sense_is_never_judged() -> None:
    name = this_process()
    for pid in ("", "x", "-1", "1.5", "../1"):
        assert not is_dead(with_part(name, 3, pid))


def test_a_command_with_spaces_and_parentheses_does_not_confuse(tmp_path: Path) -> None:
    python = tmp_path / "a) (b Z 1 2"
    python.symlink_to(sys.executable)
    code = f"import sys; sys.path[:] = {sys.path!r}; " + CHILD.removeprefix("import sys; ")
    with subprocess.Popen(
        [str(python), "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        assert "(a) (b Z 1 2)" in Path(f"/proc/{process.pid}/stat").read_text()
        assert not is_dead(name)
        assert name.split("/")[4].isdecimal()
        process.kill()
