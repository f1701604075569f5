"""Files with personal data or secrets: made so that nobody else may read them, and found where others may."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

#: Modes of what is made here, from the first byte on and whatever the umask permits.
FILE_MODE, FOLDER_MODE = 0o600, 0o700


def create_private(path: Path) -> None:
    """Make an empty file; a link of that name is not followed. Raises OSError, FileExistsError among them."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE))


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole, in place of one of that name or of a link. Raises OSError.

    Whoever has the former file open does not read the new one. A device or a pipe is written to as it is.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    # Made with the mode of private files.
    descriptor, made = tempfile.mkstemp(prefix=".syncer-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(made, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(made)
        raise


def make_private_folder(path: Path) -> None:
    """Make a folder and those above it that are missing; one that is there stays as it is. Raises OSError."""
    for folder in (*reversed(path.parents), path):
        if not folder.is_dir():
            with suppress(FileExistsError):
                folder.mkdir(FOLDER_MODE)
    if not path.is_dir():
        raise NotADirectoryError(0, "it is no folder")


class Loose(Struct, frozen=True):
    """File that others may read or write. who: they, in words."""

    path: Path
    mode: int
    who: str


def find_loose(paths: Iterable[Path]) -> Iterator[Loose]:
    """Find the files that others than their owner may read or write; what is not there is not loose."""
    for path in paths:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & 0o077:
            yield Loose(path, mode, "everybody" if mode & 0o007 else "its group")
