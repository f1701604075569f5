"""Paths in the configuration: relative ones start at the folder of its file, ``~`` at home.

So a configuration names the same files from wherever the program is started. Without a file they stay
relative to the working directory.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationInfo


def located(path: str, info: ValidationInfo) -> Path:
    """Locate a path of the configuration that is being validated. Raises ValueError for a home of nobody."""
    try:
        found = Path(path).expanduser()
    except RuntimeError:
        raise ValueError("begins with the home of a user who does not exist") from None
    return (folder_of(info) / found) if isinstance(info.context, Path) else found


def folder_of(info: ValidationInfo) -> Path:
    """Give the folder that relative paths start at: the validation's context, else the working directory."""
    return info.context if isinstance(info.context, Path) else Path.cwd()
