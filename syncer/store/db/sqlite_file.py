"""SQLite's file: where it is, whether it is there, and how it comes to be."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlencode

from msgspec import Struct, field
from sqlalchemy import URL

from syncer.domain.errors import DatabaseMissing, DatabaseRefused, DatabaseUnavailable
from syncer.process.private_files import create_private

#: Device and number of a file, which it keeps whatever its name.
FileKey = tuple[int, int]


class SqliteFile(Struct, frozen=True):
    """File of a database. parameters: those of the URI of SQLite's own by which it is opened."""

    path: Path
    parameters: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, url: URL) -> Self:
        """Read the path off an address, which may have it as a URI of SQLite's own."""
        name = url.database or ""
        parameters = {name: str(value) for name, value in url.query.items() if name != "uri"}
        if "uri" in url.query:
            name = unquote(re.sub("^file:(//(localhost)?(?=/))?", "", name))
        return cls(Path(name).absolute(), parameters)

    @property
    def uri(self) -> str:
        """URI to open it by, which never makes an empty file in place of one that is gone."""
        mode = "ro" if self.parameters.get("mode") == "ro" else "rw"
        return f"file:{quote(str(self.path))}?{urlencode({**self.parameters, 'mode': mode})}"

    def key(self, ending: str = "") -> FileKey | None:
        """Look up which file is there, or which companion of that ending; None: there is none.

        Raises DatabaseUnavailable where that cannot be known.
        """
        try:
            found = os.stat(f"{self.path}{ending}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._unusable(error) from None
        return found.st_dev, found.st_ino

    @property
    def parts(self) -> tuple[Path, ...]:
        """The file and its companions, be they there or not."""
        return self.path, *(Path(f"{self.path}{ending}") for ending in ("-wal", "-shm", "-wal.replaced"))

    def set_aside(self, ending: str) -> None:
        """Rename a write-ahead log that belongs to another file, or remove its index, which holds nothing."""
        companion = f"{self.path}{ending}"
        with suppress(OSError):
            if ending == "-wal":
                os.replace(companion, f"{companion}.replaced")
            else:
                os.unlink(companion)

    def create(self) -> None:
        """Make an empty file where there is none. Raises DatabaseUnavailable."""
        try:
            # Its companions get the mode that it has.
            create_private(self.path)
        except FileExistsError:
            # Where it is no file of a database, the next one who opens it says so.
            if not self.path.exists():
                raise DatabaseUnavailable(
                    f"The database file {self.path} is a link to a file that is not there: make that, or "
                    "remove the link."
                ) from None
        except (FileNotFoundError, NotADirectoryError):
            raise DatabaseMissing(
                f"There is no folder {self.path.parent} for the database file {self.path}: make it first."
            ) from None
        except PermissionError:
            raise DatabaseUnavailable(
                f"The database file {self.path} cannot be made: nobody here may write to {self.path.parent}."
            ) from None
        except OSError as error:
            raise DatabaseUnavailable(
                f"The database file {self.path} cannot be made: {error.strerror}."
            ) from None

    def check(self) -> None:
        """Raise DatabaseError where there is no file to open."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise DatabaseMissing(
                f"There is no database file {self.path}: run `syncer migrate` to make it."
            ) from None
        except OSError as error:
            raise self._unusable(error) from None
        if stat.S_ISDIR(found.st_mode):
            raise DatabaseRefused(f"{self.path} is a folder: the database needs a file of its own.")

    def _unusable(self, error: OSError) -> DatabaseUnavailable:
        return DatabaseUnavailable(f"The database file {self.path} cannot be used: {error.strerror}.")
