"""Write the requirements of the container image: every package with its version and the hashes of its wheels.

The versions are those of constraints.txt. The wheels are those for Linux with glibc, on x86_64 and aarch64,
of every Python that is promised; no address is written, so that any index serves that has the same files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from importlib.metadata import distribution
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
#: What is written, and the distributions that it is to bring with all that they require.
WRITTEN = {"requirements-runtime.txt": "kombo-syncer", "requirements-build.txt": "hatchling"}
#: Extras that are wanted of distributions: the image runs workers, too.
EXTRAS = {"kombo-syncer": {"workers"}, "psycopg": {"binary", "pool"}}
MACHINES = ("x86_64", "aarch64")
#: Tags of Linux with glibc, newest first: those that the images of Debian 12 and later run.
GLIBC = (
    "manylinux_2_34",
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_17",
    "manylinux2014",
    "manylinux_2_5",
)


def requirements_of(name: str) -> list[str]:
    """Name the distributions that one requires, directly or not, as they are installed here."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        of = waiting.pop()
        extras = EXTRAS.get(of, set[str]())
        for text in distribution(of).requires or []:
            requirement = Requirement(text)
            marker = requirement.marker
            wanted = marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras))
            if wanted and requirement.name.lower() not in found:
                found.add(requirement.name.lower())
                waiting.append(requirement.name)
    return sorted(found)


def pinned() -> dict[str, str]:
    """Read constraints.txt: the pin of each distribution, by its normalised name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {normalised(line.partition("==")[0]): line for line in lines}


def normalised(name: str) -> str:
    """Normalise the name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def promised_versions() -> list[str]:
    """Read the versions of Python from the classifiers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))


def hashes(pins: list[str]) -> dict[str, set[str]]:
    """Ask the package index for the wheels of these pins; give their hashes, by normalised name."""
    found: dict[str, set[str]] = defaultdict(set)
    for version, machine in product(promised_versions(), MACHINES):
        platforms = [argument for tag in GLIBC for argument in ("--platform", f"{tag}_{machine}")]
        command = [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"),
            *("--dry-run", "--ignore-installed", "--no-deps", "--only-binary", ":all:", "--target", "unused"),
            *("--python-version", version, *platforms, "--report", "-", *pins),
        ]
        report = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        for each in json.loads(report)["install"]:
            name = normalised(each["metadata"]["name"])
            found[name].add(each["download_info"]["archive_info"]["hashes"]["sha256"])
    return found


def main() -> None:
    """Write the files."""
    pins = pinned()
    for file, name in WRITTEN.items():
        wanted = {normalised(each): pins[normalised(each)] for each in requirements_of(name)}
        if name == "hatchling":
            wanted[name] = pins[name]
        known = hashes(list(wanted.values()))
        lines = [
            " \\\n    ".join([pin, *(f"--hash=sha256:{each}" for each in sorted(known[key]))])
            for key, pin in sorted(wanted.items())
        ]
        (ROOT / "deploy" / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
