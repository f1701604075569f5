"""Types of the catalogue's entries.

A model is data. Tables, migrations, the page loop, the projection, the simulator and the documentation
are driven by it; nothing asks for a model by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from math import ceil
from typing import Any, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from syncer.domain.catalogue.privacy import Privacy

ColumnType = Literal["text", "boolean", "integer", "number", "date", "time", "timestamp", "json"]
FilterType = Literal["text", "list", "timestamp", "json"]


class Embed(Struct, frozen=True):
    """A copy of another table's record, or a list of such copies, inside the value of a json column.

    path leads from the value to the copy, empty where the value is the copy itself; a list on the way is
    entered. A copy may have only some of the record's members.
    """

    table: str
    path: tuple[str, ...] = ()


class Member(Struct, frozen=True):
    """A member of the objects in a JSON value, and how it is classed.

    members are those of the objects that it holds itself, in a list or not; without any its values are plain.
    """

    name: str
    privacy: Privacy
    members: tuple[Member, ...] = ()


class Column(Struct, frozen=True, eq=False):
    """One member of a record as a typed column.

    type: ``number`` is an exact decimal, ``timestamp`` carries its zone, ``date`` takes the calendar
    day of what arrives (Kombo sends many calendar dates as midnight UTC), ``json`` keeps objects and
    lists. path leads from the record to the value and is the column's own name unless given.
    references names the table whose ``id`` the value is; the row there may be missing.
    privacy is its class, and by it what a reporting role may see. Of a json column that it may see only the
    catalogued members are shown, as far as their own classes allow; none: the value is plain, or a list of
    plain values. embeds names the records of other tables that the value holds copies of; what such a copy
    embeds in turn is said where its table is. is_owner: the record is about the one that is referred to, and
    is erased with it; else it only mentions that one.
    """

    name: str
    type: ColumnType
    meaning: str
    references: str | None = None
    path: tuple[str, ...] = ()
    privacy: Privacy = Privacy.UNKNOWN
    embeds: tuple[Embed, ...] = ()
    members: tuple[Member, ...] = ()
    is_owner: bool = False

    @property
    def source(self) -> tuple[str, ...]:
        """Path from the record to the value."""
        return self.path or (self.name,)

    @property
    def is_sensitive(self) -> bool:
        """Tell whether a reporting role must not see anything of it."""
        return self.privacy.is_sensitive

    @property
    def is_shown_in_part(self) -> bool:
        """Tell whether a reporting role sees no more of it than members that are known."""
        return self.type == "json" and not self.is_sensitive

    @property
    def is_looked_up(self) -> bool:
        """Tell whether people find rows by it, an id to join by or an address. Then it has an index."""
        return self.references is not None or self.name in {"remote_id", "work_email", "email"}


class Link(Struct, frozen=True, eq=False):
    """A list of other models' records inside a record, kept as pairs of ids.

    member is the path to the list inside the record, target_path the path to the id inside an entry.
    owner and target are the table's two id columns; references is the table the target lives in.
    """

    table: str
    member: tuple[str, ...]
    owner: str
    target: str
    references: str
    meaning: str
    target_path: tuple[str, ...] = ("id",)
    columns: tuple[Column, ...] = ()


class Child(Struct, frozen=True, eq=False):
    """Embedded records that have no list of their own, kept as a table.

    member is the path to the record or list of records inside its parent; a list on the way is
    entered. An owned child (owner names the column with its parent's id) is replaced together with its
    parent and ordered by ``position``. A shared child (owner None) is written by id, whichever parent
    brings it, and is as fresh as the last parent that came. remote_id is the class of ``remote_id``.
    """

    table: str
    member: tuple[str, ...]
    meaning: str
    columns: tuple[Column, ...]
    owner: str | None = None
    remote_id: Privacy = Privacy.IDENTIFIER


class RemoteOwner(Struct, frozen=True):
    """The record that a record is about, where it tells only the tool's id: the value at the end of path."""

    table: str
    path: tuple[str, ...]


class Filter(Struct, frozen=True):
    """A query parameter of one model's list, beyond those that all lists have.

    ``list`` goes out comma-separated, ``json`` is an object and goes out as JSON text; choices names the
    values the API knows (empty: any text). member: path to the texts of people's that it is compared with;
    empty where it takes ids, times or the API's own words.
    """

    name: str
    type: FilterType
    choices: tuple[str, ...] = ()
    member: tuple[str, ...] = ()


class Features(Struct, frozen=True):
    """Common query parameters that a list understands.

    unsure: names of parameters that are sent although nobody knows whether the list takes them; its answers
    tell. ``paging`` stands for the parameter ``page_size``: a cursor that the list gives is always followed.
    """

    paging: bool = True
    updated_after: bool = True
    include_deleted: bool = True
    ids: bool = True
    remote_ids: bool = True
    unsure: frozenset[str] = frozenset()

    def without(self, parameters: Collection[str]) -> Features:
        """Leave out the unsure parameters that the list has refused."""
        refused = self.unsure.intersection(parameters)
        if not refused:
            return self
        lacking = {_FEATURES.get(each, each): False for each in refused}
        return replace(self, **lacking, unsure=self.unsure - refused)


#: Features by the parameters that they are asked with, where these have other names.
_FEATURES = {"page_size": "paging"}
#: Parameters that a list may take or not.
PARAMETERS = frozenset({"page_size", "updated_after", "include_deleted", "ids", "remote_ids"})


class Model(Struct, frozen=True, eq=False):
    """One list of the API and the table it becomes.

    name is the table's name and the one users type; webhook_name the one Kombo uses in webhooks and in
    ``read_models`` (None where it has none). columns do not repeat the columns that every mirror
    table has (``id``, ``remote_id``, ``changed_at``, ``remote_deleted_at``). has_* say whether the
    record carries these. joins are the names that webhooks have for the connections between records
    that are read from this list. remote_id is the class of ``remote_id``: of a person, unless said otherwise.
    remote_owners: whom the record is about, beside the columns that say so.
    """

    name: str
    path: str
    title: str
    meaning: str
    columns: tuple[Column, ...]
    webhook_name: str | None = None
    links: tuple[Link, ...] = ()
    children: tuple[Child, ...] = ()
    filters: tuple[Filter, ...] = ()
    features: Features = Features()
    has_remote_id: bool = True
    has_changed_at: bool = True
    has_remote_deleted_at: bool = True
    joins: tuple[str, ...] = ()
    remote_id: Privacy = Privacy.IDENTIFIER
    remote_owners: tuple[RemoteOwner, ...] = ()

    @property
    def category(self) -> str:
        """Part of the API: ``hris``, ``ats``, ``lms`` or ``assessment``."""
        return self.name.split("_", 1)[0]

    @property
    def for_each(self) -> None:
        """None: a model is one list."""
        return None

    @property
    def stage(self) -> int:
        """First in a pass: a model asks for no rows of other lists."""
        return 0

    def pages(self, rows: int, page_size: int, full_pages: int | None) -> int:
        """Estimate the requests that it takes to read so many rows; an empty list takes one."""
        return max(1, ceil(rows / page_size)) if self.features.paging else 1

    def is_whole(self, filters: Mapping[str, str]) -> bool:
        """Tell whether a walk with these filters serves every record."""
        return not filters

    @property
    def webhook_names(self) -> tuple[str, ...]:
        """Names in a ``data-changed`` webhook that mean: this list has news. No two models share one."""
        own = () if self.webhook_name is None else (self.webhook_name,)
        return (*own, *(child.table for child in self.children), *self.joins)


_ModelT = TypeVar("_ModelT", bound=Model)


def narrowed(model: _ModelT, refused: frozenset[str]) -> _ModelT:
    """Give the model without the unsure parameters that its list has refused; the same one each time."""
    found: _ModelT = _narrowed(model, refused & model.features.unsure)
    return found


@lru_cache(maxsize=1000)
def _narrowed(model: Any, refused: frozenset[str]) -> Any:
    # Others remember things by model: there is one for each choice of parameters.
    return replace(model, features=model.features.without(refused)) if refused else model
