"""Registration of a list: how its records are made, what they show, and how they are filtered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from msgspec import Struct, field

from syncer.simulator.company.filters import FilterTest
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Record
from syncer.simulator.company.relations import Relation

#: Puts one record into the maker's tables; the last argument is its ``changed_at`` in milliseconds.
Make = Callable[[Maker, Random, int], Record]


class Factory(Struct, frozen=True, eq=False):
    """Registration of one list of the catalogue.

    share: part of a company's records; or count: a fixed number, for lists that do not grow with the company.
    dependent: the records belong to those of other lists, so they are made when those lists are full.
    prepare: puts embedded records there before anything else. complete: called with each record before the
    dependent lists are filled. relations: copies of other records that the records show, in the order of
    their members. filters: meanings of query parameters that the columns do not tell.
    """

    model: str
    make: Make
    share: float = 0.0
    count: int | None = None
    dependent: bool = False
    prepare: Callable[[Maker, Random, int], None] | None = None
    complete: Callable[[Maker, Random, int, Record], None] | None = None
    relations: tuple[Relation, ...] = ()
    filters: Mapping[str, FilterTest] = field(default_factory=dict)
