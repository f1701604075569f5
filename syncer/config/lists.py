"""Lists of Kombo's that the catalogue lacks: ``[[lists]]``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from syncer.config.native_list_parts import ColumnName, ColumnTable, Identifier
from syncer.config.section import Section
from syncer.domain.added.spec import AddedList
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Column
from syncer.domain.catalogue.names import lists_by_name
from syncer.domain.catalogue.tables import is_taken
from syncer.domain.native.row_values import has_dot_segment

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def _is_lacking(name: str) -> str:
    """Check that the catalogue lacks the list. Raises ValueError."""
    if name in catalogue():
        raise ValueError(
            f"is a list that this version has: name it in [sync] models, and leave {name} out here"
        )
    if (known := lists_by_name().get(name)) is not None:
        raise ValueError(f"is told in {known}, which this version has: leave {name} out here")
    if is_taken(name):
        raise ValueError(f"should be another one: {name} is a table or view of the mirror, or may become one")
    return name


def _path(path: str) -> str:
    """Check the path of a list. Raises ValueError."""
    if _PATH.fullmatch(path) is None or has_dot_segment(path):
        raise ValueError("should be the path below the API's address, such as /hris/shifts")
    if (known := next((each.name for each in catalogue().values() if each.path == path), None)) is not None:
        raise ValueError(f"is the path of {known}, which this version has")
    return path


def _column_name(name: str) -> str:
    if name in {"remote_id", "changed_at"}:
        raise ValueError("is a column that the view has anyway")
    return name


class ListTable(Section):
    """List of Kombo's that the catalogue lacks."""

    name: Annotated[Identifier, AfterValidator(_is_lacking)] = Field(
        description="Kombo's name of the list, as `read_models` and webhooks have it; also that of the view."
    )
    path: Annotated[str, AfterValidator(_path)] = Field(
        description="The path below the API's address, such as /hris/shifts."
    )
    updated_after: bool | None = Field(
        default=None,
        description="Whether the list can be asked for what has changed; found out from its answers where the"
        " line is missing.",
    )
    include_deleted: bool | None = Field(
        default=None, description="Whether it can be asked for deleted records; found out likewise."
    )
    ids: bool | None = Field(
        default=None, description="Whether it can be asked for single records; found out likewise."
    )
    paging: bool = Field(default=True, description="false: the list comes in one piece.")
    columns: dict[Annotated[ColumnName, AfterValidator(_column_name)], ColumnTable] = Field(default={})

    def spec(self) -> AddedList:
        """Return the definition of the list."""
        given = {
            "updated_after": self.updated_after,
            "include_deleted": self.include_deleted,
            "ids": self.ids,
        }
        return AddedList.configured(
            self.name,
            self.path,
            tuple(
                Column(name, each.type, f"{each.path or name} of the record", path=(each.path or name,))
                for name, each in self.columns.items()
            ),
            paging=self.paging,
            stated={name: each for name, each in given.items() if each is not None},
        )


def each_list_once(lists: tuple[ListTable, ...]) -> tuple[ListTable, ...]:
    """Check that no two lists have one name or one path. Raises ValueError."""
    for what in ("name", "path"):
        found = [getattr(each, what) for each in lists]
        for each in found:
            if found.count(each) > 1:
                raise ValueError(f"has the {what} {each} twice")
    return lists
