"""Identity of a projection: which one wrote a model's rows, and if that is today's. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from msgspec import Struct

from syncer.domain.catalogue.members import embeds
from syncer.domain.catalogue.model import Column, Model
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.records.exclude import Excluded, excluded_from
from syncer.domain.records.exclusions import Exclusion

#: Grows when records become rows in another way though the catalogue stays the same.
VERSION = 1


class Projection(Struct, frozen=True):
    """Projection of a model's records to rows: the same fingerprint means the same rows.

    exclusions: as text, those that concern the list by what is known of it. key_members: as text, members of
    records, its own or others, that the keys of its rows are made of; None: unknown.
    """

    fingerprint: str
    exclusions: tuple[str, ...] = ()
    key_members: frozenset[str] | None = frozenset()

    def makes_rows_of(self, other: Projection) -> bool:
        """True where the other one's rows are the same, whatever their keys are made of."""
        return (self.fingerprint, self.exclusions) == (other.fingerprint, other.exclusions)

    def gives_back(self, before: Iterable[str]) -> bool:
        """True where records keep members now that these exclusions removed: only Kombo has their values.

        So it is with pseudonyms under another key.
        """
        now = [Exclusion.read(each) for each in self.exclusions]
        return any(not any(each.covers(Exclusion.read(gone)) for each in now) for gone in before)

    def has_other_key(self, before: Iterable[str]) -> bool:
        """True where these exclusions had pseudonyms under another key than the same ones have now."""
        now = _key_fingerprints(self.exclusions)
        return bool(now) and any(each not in now for each in _key_fingerprints(before))


def _key_fingerprints(exclusions: Iterable[str]) -> set[str]:
    found = (Exclusion.read(each).pseudonyms for each in exclusions)
    return {each.fingerprint for each in found if each is not None}


@cache
def projection(model: Model, exclusions: frozenset[Exclusion]) -> Projection:
    """Identify the model's projection by this version's catalogue and these exclusions."""
    excluded = excluded_from(model.name, exclusions)
    shape = [VERSION, _shape(model), _removals(excluded)]
    return Projection(fingerprint_of(shape), tuple(map(str, excluded.exclusions)) if excluded else ())


def _shape(model: Model) -> list[Any]:
    """Collect what decides on the rows; words and marks for people do not."""
    return [
        _columns(model.columns),
        [
            [link.table, link.member, link.owner, link.target, link.target_path, _columns(link.columns)]
            for link in model.links
        ],
        [[child.table, child.member, child.owner, _columns(child.columns)] for child in model.children],
    ]


def _columns(columns: tuple[Column, ...]) -> list[Any]:
    return [[column.name, column.type, column.source] for column in columns]


def _removals(excluded: Excluded | None) -> list[Any]:
    """List the exclusions, and where they meet copies of records."""
    if excluded is None:
        return []
    elsewhere = [(target.path, target.pseudonyms) for target in excluded.elsewhere]
    return [
        [str(each) for each in excluded.exclusions],
        # Without a key as it ever was: rows that are there need no other projection.
        [path if key is None else [path, key.fingerprint] for path, key in elsewhere],
        [
            [table, sorted([embed.table, list(embed.path)] for embed in embeds()[table])]
            for table in sorted(excluded.inside)
        ],
    ]
