"""Clean environment with the program as it is shipped: its wheel, what that requires, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path


def install_wheel(wheel: Path, requirements: Iterable[str], folder: Path) -> Path:
    """Install a wheel into a new environment, as the image does; give the folder of its programs.

    requirements: the distributions that it requires, directly or not. They are linked from this environment,
    so that no package index is asked.
    """
    environment = folder / "environment"
    # Links: a copied interpreter would not find its library.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    for name in requirements:
        found = distribution(name)
        for entry in {
            file.parts[0] for file in found.files or [] if file.parts[0] not in {"..", "__pycache__"}
        }:
            link = packages / entry
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(entry))))
    python = environment / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    subprocess.run([*pip, "check"], check=True)
    return environment / "bin"
