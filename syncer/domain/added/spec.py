"""Definition of an added list: a list of Kombo's that the catalogue lacks, and ``[[lists]]`` names.

It is read as the models of the catalogue are; its rows are kept as those of native lists, with a view of its
name that shows its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from syncer.domain.catalogue.model import PARAMETERS, Column, Features, Model
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.records.row import COMMON_COLUMNS

#: Columns that every record of Kombo's may have; when it was deleted is a column of the row.
_OF_EVERY_RECORD = tuple(each for each in COMMON_COLUMNS if each.name != "remote_deleted_at")
#: Columns that the view has of its own: each with the column of the row that it shows.
SHOWN_FIRST = {"id": "record_key", "integration_id": "integration_id"}


class AddedList(Model, frozen=True, eq=False):
    """A ``Model`` of the configuration. The only member of a column's path is JMESPath from the record."""

    shown_first: ClassVar[Mapping[str, str]] = SHOWN_FIRST

    @classmethod
    def configured(
        cls, name: str, path: str, columns: tuple[Column, ...], *, paging: bool, stated: Mapping[str, bool]
    ) -> Self:
        """Make the list of that name and path.

        paging: False for a list that comes in one piece. stated: whether it takes parameters, by name; of
        others its answers tell.
        """
        takes = {name: stated.get(name, True) for name in ("updated_after", "include_deleted", "ids")}
        unsure = PARAMETERS.difference(stated, ["page_size"] if not paging else [])
        if stated.get("ids") is False:
            unsure -= {"remote_ids"}
        return cls(
            name=name,
            path=path,
            title=name.replace("_", " "),
            meaning=f"Records of {path}, a list that the configuration adds",
            columns=(*_OF_EVERY_RECORD, *columns),
            webhook_name=name,
            features=Features(paging=paging, remote_ids=stated.get("ids", True), unsure=unsure, **takes),
        )

    @property
    def columns_fingerprint(self) -> str:
        """Hash everything that decides on the values of the columns."""
        return fingerprint_of([[each.name, each.type, each.source] for each in self.columns])

    @property
    def view_comment(self) -> str:
        """Describe the rows of its view."""
        return f"Records of Kombo's list {self.path}"
