"""How soon an installed program has its first rows: the five steps of the README, with a clock.

    make dist && python -m benchmarks.first_rows                  the wheel that was tried there
    python -m benchmarks.first_rows --program .venv/bin/syncer    another installation

Serves the fake API, sets a mirror up in an empty folder, and reads everything once. Prints the seconds of
each step, and when the first rows could be asked for.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.readme import commands, read

#: Seconds within which somebody who tries the program should see rows.
GOAL = 60.0


def main() -> None:
    """Read the arguments, take the steps and print how long each took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", type=Path, default=Path("build/trial/bin/syncer"))
    program: Path = parser.parse_args().program
    if not program.exists():
        parser.error(f"there is no {program}: `make dist` makes it")
    environ = {**os.environ, "PATH": f"{program.parent.absolute()}:{os.environ['PATH']}"}
    simulate, export, *steps = commands("Try it against the fake API")
    name, _, value = export.removeprefix("export ").partition("=")
    environ[name] = value
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with subprocess.Popen(
            simulate,
            shell=True,
            cwd=folder,
            env={**environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as simulator:
            try:
                read(simulator, "Ctrl-C ends it.")
                last = time.perf_counter()
                print(f"{last - began:6.2f} s  {simulate}")
                for step in steps:
                    subprocess.run(
                        step, shell=True, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL
                    )
                    last, before = time.perf_counter(), last
                    print(f"{last - before:6.2f} s  {step[:70]}")
                print(f"{last - began:6.2f} s  in all; the goal is {GOAL:.0f} s")
            finally:
                os.killpg(simulator.pid, signal.SIGINT)


if __name__ == "__main__":
    main()
