"""Relations between records: which record shows copies of which others, and what re-emits it.

Relations are data and stand beside the factory of their carrier. They drive rendering (a copy always shows
the linked record as it is now) and ``updated_after`` (which of a linked record's fates make the carrier
match). Members of copies come from Kombo's OpenAPI document and its Python SDK 1.4.0, and so do
``added_removed`` and ``linked``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Relation(Struct, frozen=True, eq=False):
    """A member of carrier that shows a record, or a list of records, of target.

    how: ``ref`` (the carrier's own member ``field`` holds the id), ``children`` (target's member
    ``field`` holds the carrier's id), ``link`` (a list of pairs, named ``field``), ``extra`` (ids kept with a
    pair of the link ``field``). copy: the members shown; None means all own ones. inside: relations of
    the copy. wrap: the copy lies one level deeper, under this name, with the target's id as id_member.
    required: where the target is missing, a copy of nulls stands there instead of null.
    added_removed, linked: whether ``updated_after`` on the carrier matches after an entry came or went, and
    after the linked record's own members changed; for ``children`` the two are one, because a child comes
    and goes by a change of its own. path: the relation's name in Kombo's own table.
    """

    carrier: str
    member: str
    target: str
    how: Literal["ref", "children", "link", "extra"]
    field: str
    copy: tuple[str, ...] | None = None
    inside: tuple[Relation, ...] = ()
    wrap: str = ""
    id_member: str = ""
    required: bool = False
    added_removed: bool = False
    linked: bool = False
    path: str = ""

    @property
    def many(self) -> bool:
        return self.how != "ref"

    @property
    def edge(self) -> tuple[str, str]:
        """(model, name) of the index that finds this relation's pairs."""
        return (self.target if self.how == "children" else self.carrier, self.field)


def members(text: str) -> tuple[str, ...]:
    """Split the names of a copy's members."""
    return tuple(text.split())


ID_AND_NAME = members("id remote_id name")
TYPED_NAME = members("id remote_id name type")
USER = members("id remote_id first_name last_name email")
ROLE = members("remote_id remote_label scope unified_type")


class RelationGraph:
    """The relations of all lists, with those of the copies inside, by the models at their ends.

    extras: edges of ids that are kept with the pairs of a link. matching_links: edges of links whose carrier
    ``updated_after`` matches after an entry came or went.
    """

    def __init__(self, relations: Iterable[Relation]) -> None:
        self.relations = tuple(relations)
        every = list(self.relations)
        for relation in every:
            every.extend(inner for inner in relation.inside if inner not in every)
        links = {each.edge: each for each in every if each.how == "link"}.values()
        references = dict.fromkeys(each.edge for each in every if each.how in ("ref", "children"))
        self.extras = frozenset(each.edge for each in every if each.how == "extra")
        self.matching_links = frozenset(
            each.edge for each in self.relations if each.how == "link" and each.added_removed
        )
        self._carried = _grouped((each.carrier, each) for each in self.relations)
        self._shown = _grouped((each.target, each) for each in self.relations)
        self._linked = _grouped((each.target, each) for each in links)
        self._chains = _grouped((way[0].target, way) for each in self.relations for way in _chains(each))
        self._references = _grouped(references)

    def carried_by(self, model: str) -> tuple[Relation, ...]:
        """Find the relations that a record of this model shows, in the order of its members."""
        return self._carried.get(model, ())

    def showing(self, model: str) -> tuple[Relation, ...]:
        """Find the relations of lists that show a record of this model."""
        return self._shown.get(model, ())

    def linking(self, model: str) -> tuple[Relation, ...]:
        """Find the links whose pairs name a record of this model, those inside copies too."""
        return self._linked.get(model, ())

    def chains(self, model: str) -> tuple[tuple[Relation, ...], ...]:
        """Find every chain of relations from a record of this model to the records that show a copy of it."""
        return self._chains.get(model, ())

    def references(self, model: str) -> tuple[str, ...]:
        """Find the members of this model's own records that hold the id of a related one."""
        return self._references.get(model, ())


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _chains(relation: Relation) -> Iterator[tuple[Relation, ...]]:
    yield (relation,)
    for inner in relation.inside:
        for chain in _chains(inner):
            yield chain if inner.how == "extra" else (*chain, relation)
