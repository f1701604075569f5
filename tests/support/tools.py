"""Programs of other people that some tests need, and where Debian has them.

A test that needs one says so: ``@pytest.mark.tool("pgbouncer")``. Run as a program this installs those that
are missing, where it may: as root, or by a sudo that asks for no password.
"""

from __future__ import annotations

import os
import shutil
import subprocess

#: Program -> its package. It is looked for where daemons are, too, whatever the PATH says.
TOOLS = {"pgbouncer": "pgbouncer"}
PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def path_of(tool: str) -> str | None:
    """Find the program; None where it is not installed."""
    return shutil.which(tool, path=PLACES)


def missing() -> list[str]:
    """Name the programs that are not installed."""
    return [tool for tool in TOOLS if path_of(tool) is None]


def install() -> None:
    """Install the missing programs, or say in one line why not."""
    wanted = missing()
    if not wanted:
        return
    packages = [TOOLS[tool] for tool in wanted]
    as_root = _as_root()
    if as_root is None or not shutil.which("apt-get"):
        print(f"Some tests need {', '.join(wanted)} (on Debian: apt-get install {' '.join(packages)}).")
        return
    print(f"Installing {', '.join(wanted)} for some of the tests ...", flush=True)
    get = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    add = [*get, "install", "--yes", "--no-install-recommends", *packages]
    if _succeeds(add) or (_succeeds([*get, "update"]) and _succeeds(add)):
        return
    print(f"{' '.join(packages)} could not be installed.")


def _as_root() -> list[str] | None:
    """Give what a command of root's begins with; None where that would ask for a password."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return [sudo, "-n"] if sudo and _succeeds([sudo, "-n", "true"]) else None


def _succeeds(command: list[str]) -> bool:
    quiet = subprocess.DEVNULL
    return subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet).returncode == 0


if __name__ == "__main__":
    install()
