"""Programs of other people that some tests need, and where Debian and npm have them.

A test that needs one says so: ``@pytest.mark.tool("pgbouncer")``. Run as a program this installs those that
are missing, Debian's where it may: as root, or by a sudo that asks for no password.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

#: Program -> Debian's package. It is looked for where daemons are, too, whatever the PATH says.
DEBIAN = {
    "bash": "bash",
    "fish": "fish",
    "node": "nodejs",
    "npm": "npm",
    "pgbouncer": "pgbouncer",
    "zsh": "zsh",
}
#: Program -> npm's packages, which are installed in a folder of this checkout.
NODE = {"tsc": ("typescript@5.9.3", "@types/node@20.19.43")}
NODE_FOLDER = Path(__file__).parents[2] / ".tools"
#: Program -> how a person would install it.
TOOLS = {
    **{tool: f"on Debian: apt-get install {package}" for tool, package in DEBIAN.items()},
    **dict.fromkeys(NODE, "make tools"),
}
PLACES = os.pathsep.join(
    (
        str(NODE_FOLDER / "node_modules" / ".bin"),
        os.environ.get("PATH", os.defpath),
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
    )
)


def path_of(tool: str) -> str | None:
    """Find the program; None where it is not installed."""
    return shutil.which(tool, path=PLACES)


def install() -> None:
    """Install the missing programs, or say in one line why not."""
    _install_debian([tool for tool in DEBIAN if path_of(tool) is None])
    _install_node([tool for tool in NODE if path_of(tool) is None])


def _install_node(wanted: list[str]) -> None:
    npm = path_of("npm")
    if not wanted or npm is None:
        return
    print(f"Installing {', '.join(wanted)} for some of the tests ...", flush=True)
    # Without a file of its own npm would look for one in the folders above.
    NODE_FOLDER.mkdir(exist_ok=True)
    (NODE_FOLDER / "package.json").write_text("{}\n", encoding="utf-8")
    packages = [package for tool in wanted for package in NODE[tool]]
    quiet = ["--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
    if not _succeeds([npm, "install", "--prefix", str(NODE_FOLDER), *quiet, *packages]):
        print(f"{' '.join(packages)} could not be installed.")


def _install_debian(wanted: list[str]) -> None:
    if not wanted:
        return
    packages = [DEBIAN[tool] for tool in wanted]
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
