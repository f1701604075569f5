"""Programs of other people that some tests need, and where Debian, npm and Python's packages have them.

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
    "chromium": "chromium",
    "fish": "fish",
    "pgbouncer": "pgbouncer",
    "node": "nodejs",
    "npm": "npm",
    "promtool": "prometheus",
    "sqlite3": "sqlite3",
    "systemd-analyze": "systemd",
    "zsh": "zsh",
}
#: Program -> npm's packages, which are installed in a folder of this checkout.
NODE = {
    "axe": ("axe-core@4.14.1",),
    "drizzle-kit": ("drizzle-kit@0.31.11", "drizzle-orm@0.45.4", "pg@8.23.1", "@types/pg@8.23.1"),
    "kombo-sdk": ("@kombo-api/sdk@1.1.3",),
    "prisma-schema-wasm": ("@prisma/prisma-schema-wasm@8.1.0-2.59be4fda12412a79eeb9c2ae727b6aa723593323",),
    "tsc": ("typescript@5.9.3", "@types/node@20.19.43"),
}
NODE_FOLDER = Path(__file__).parents[2] / ".tools"
#: What of them is no program: a script for browsers, and the folder of a library.
NODE_PATHS = {
    "axe": NODE_FOLDER / "node_modules" / "axe-core" / "axe.min.js",
    "kombo-sdk": NODE_FOLDER / "node_modules" / "@kombo-api" / "sdk",
    "prisma-schema-wasm": NODE_FOLDER / "node_modules" / "@prisma" / "prisma-schema-wasm",
}
#: Program -> Python's packages, which get an environment of their own: they bear no versions but theirs.
PYTHON = {"dbt": ("dbt-core", "dbt-postgres")}
#: Versions of Python that all of them run on, whichever the tests do.
PYTHON_MINORS = (13, 12, 11, 10)
PYTHON_FOLDER = NODE_FOLDER / "python"
PYTHON_PINS = Path(__file__).with_name("tools-constraints.txt")
#: Program -> how a person would install it.
TOOLS = {
    **{tool: f"on Debian: apt-get install {package}" for tool, package in DEBIAN.items()},
    **dict.fromkeys((*NODE, *PYTHON), "make tools"),
}
PLACES = os.pathsep.join(
    (
        str(NODE_FOLDER / "node_modules" / ".bin"),
        str(PYTHON_FOLDER / "bin"),
        os.environ.get("PATH", os.defpath),
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
    )
)


def path_of(tool: str) -> str | None:
    """Find the program, script or folder of a library; None where it is not installed."""
    if tool in NODE_PATHS:
        return str(NODE_PATHS[tool]) if NODE_PATHS[tool].exists() else None
    return shutil.which(tool, path=PLACES)


def install() -> None:
    """Install the missing programs, or say in one line why not."""
    _install_debian([tool for tool in DEBIAN if path_of(tool) is None])
    _install_node([tool for tool in NODE if path_of(tool) is None])
    _install_python([tool for tool in PYTHON if path_of(tool) is None])


def _install_node(wanted: list[str]) -> None:
    npm = path_of("npm")
    if not wanted or npm is None:
        return
    print(f"Installing {', '.join(wanted)} for some of the tests ...", flush=True)
    # Without a file of its own npm would look for one in the folders above.
    NODE_FOLDER.mkdir(exist_ok=True)
    (NODE_FOLDER / "package.json").write_text("{}\n", encoding="utf-8")
    # All of them: npm removes those that nobody asked for this time.
    packages = [package for needed in NODE.values() for package in needed]
    quiet = ["--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
    if not _succeeds([npm, "install", "--prefix", str(NODE_FOLDER), *quiet, *packages]):
        print(f"{' '.join(packages)} could not be installed.")


def _install_python(wanted: list[str]) -> None:
    if not wanted:
        return
    print(f"Installing {', '.join(wanted)} for some of the tests ...", flush=True)
    packages = [package for tool in wanted for package in PYTHON[tool]]
    pip = [str(PYTHON_FOLDER / "bin" / "python"), "-m", "pip", "install", "--prefer-binary"]
    for python in filter(None, (shutil.which(f"python3.{minor}", path=PLACES) for minor in PYTHON_MINORS)):
        if (
            _succeeds([python, "-m", "venv", "--clear", str(PYTHON_FOLDER)])
            and _succeeds([*pip, "--constraint", str(PYTHON_PINS), *packages])
            and all(_succeeds([str(PYTHON_FOLDER / "bin" / tool), "--version"]) for tool in wanted)
        ):
            return
    shutil.rmtree(PYTHON_FOLDER, ignore_errors=True)
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
