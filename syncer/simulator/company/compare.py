"""Comparable form of a record: without the copies that Kombo does not re-send.

A record carries copies of others. For some relations ``updated_after`` re-sends the carrier when the copied
record changes, for others it does not: there the copy in a mirror grows old by design, and the copied
record's own table is the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.relations import Relation


def comparable(model: str, record: dict[str, Any]) -> dict[str, Any]:
    """Reduce such copies in a record of this list to what is re-sent: the ids of a list's entries."""
    return _reduced(record, RELATIONS.carried_by(model))


def _reduced(record: dict[str, Any], relations: Iterable[Relation]) -> dict[str, Any]:
    kept = dict(record)
    for relation in relations:
        copy = kept.get(relation.member)
        if copy is None:
            continue
        entries = copy if isinstance(copy, list) else [copy]
        if relation.linked:
            kept[relation.member] = [_reduced(entry, relation.inside) for entry in entries]
        elif relation.added_removed:
            kept[relation.member] = [{"id": entry.get("id")} for entry in entries]
        else:
            kept[relation.member] = []
    return kept
