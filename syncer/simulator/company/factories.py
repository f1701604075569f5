"""All lists of the catalogue with their factories, in the order in which a company is built."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.company import (
    candidates,
    hiring,
    jobs,
    learning,
    orders,
    payroll,
    recruiting,
    staff,
    structure,
    talent,
    time_off,
)
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.generic import generic_factory
from syncer.simulator.company.relations import RelationGraph

_FAMILIES = (
    *(structure, staff, time_off, talent, payroll),
    *(recruiting, jobs, candidates, hiring),
    learning,
    orders,
)
_BY_HAND = {factory.model: factory for family in _FAMILIES for factory in family.FACTORIES}

#: Models without a factory by hand: their records follow from the catalogue's columns.
GENERIC: dict[str, Factory] = {
    name: generic_factory(model) for name, model in catalogue().items() if name not in _BY_HAND
}
FACTORIES: Mapping[str, Factory] = {**_BY_HAND, **GENERIC}
RELATIONS = RelationGraph(relation for factory in FACTORIES.values() for relation in factory.relations)
