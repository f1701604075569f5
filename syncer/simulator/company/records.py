"""The normalised records of one company, with their two clocks and the indexes between them.

A record holds its own members and the ids of related records. Its ``changed_at`` moves when its own
members change, its ``nested_at`` when something near it changed that its relations say it is
re-emitted for. Members whose name begins with ``_`` are never shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from syncer.simulator.company.relations import Relation, RelationGraph

Members = dict[str, Any]


class Record:
    """One record. Times are milliseconds since 1970.

    links: link name -> target id -> members of the pair. blank: anonymised, shown with nulls. gone: not
    listed at all any more. json: the rendered record, None when it must be rendered anew. place: 1 for the
    first of its model, 2 for the next, and never that of another, whatever is deleted.
    """

    __slots__ = (
        "blank",
        "changed_at",
        "deleted_at",
        "fields",
        "gone",
        "id",
        "json",
        "links",
        "model",
        "nested_at",
        "place",
    )

    def __init__(self, model: str, id: str, fields: Members, links: dict[str, dict[str, Members]]) -> None:
        self.model = model
        self.id = id
        self.fields = fields
        self.links = links
        self.changed_at = 0
        self.nested_at = 0
        self.deleted_at: int | None = None
        self.blank = False
        self.gone = False
        self.json: bytes | None = None
        self.place = 0

    @property
    def live(self) -> bool:
        return self.deleted_at is None and not self.gone

    @property
    def matched_at(self) -> int:
        """Find the time that ``updated_after`` is compared with."""
        return max(self.changed_at, self.nested_at)


class Tables:
    """All records of one company by model and id.

    ghosts: (model, id) -> remote id of records that others refer to but that are not kept, as where
    a customer's filter leaves an employee out. on_change: called after each change with the record, and the
    name of the link where not the record itself but one of its links changed.
    """

    def __init__(self, relations: RelationGraph) -> None:
        self.relations = relations
        self._records: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self._pairs: defaultdict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(dict)
        self._known: defaultdict[str, list[str]] = defaultdict(list)
        self._by_id: dict[str, list[str]] = {}
        self._by_change: dict[str, list[tuple[int, str]]] = {}
        self.ghosts: dict[tuple[str, str], str | None] = {}
        self.on_change: Callable[[Record, str | None], object] | None = None

    def of(self, model: str) -> Mapping[str, Record]:
        """Map ids to the records of a model, deleted and removed ones too."""
        return self._records[model]

    def get(self, model: str, id: str | None) -> Record | None:
        """Look a record up; None where there is none or it is gone."""
        record = self._records[model].get(id) if id is not None else None
        return record if record is not None and not record.gone else None

    def known(self, model: str) -> list[str]:
        """List the ids of a model in the order of their first appearance, deleted and removed ones too."""
        return self._known[model]

    def by_id(self, model: str) -> list[str]:
        """List the ids of a model in order."""
        if model not in self._by_id:
            self._by_id[model] = sorted(self._records[model])
        return self._by_id[model]

    def by_change(self, model: str) -> list[tuple[int, str]]:
        """List (changed_at, id) of a model in order."""
        if model not in self._by_change:
            self._by_change[model] = sorted(
                (each.changed_at, each.id) for each in self._records[model].values()
            )
        return self._by_change[model]

    def holders(self, relation: Relation, target: Record) -> list[Record]:
        """List the carriers that show the target through this relation."""
        records = self._records[relation.carrier]
        if relation.how == "children":
            parent = records.get(target.fields[relation.field])
            return [] if parent is None else [parent]
        ids = self._pairs[relation.edge].get(target.id)
        return [records[id] for id in ids] if ids else []

    def targets(self, relation: Relation, carrier: Record) -> list[str]:
        """List the ids of the records that the carrier shows through this relation."""
        if relation.how == "ref":
            id = carrier.fields.get(relation.field)
            return [] if id is None else [id]
        if relation.how == "children":
            return list(self._pairs[relation.edge].get(carrier.id, ()))
        return list(carrier.links.get(relation.field, ()))

    def referring(self, model: str, field: str, target_id: str) -> list[Record]:
        """List the records of model whose member field holds that id."""
        return [self._records[model][id] for id in self._pairs[model, field].get(target_id, ())]

    def put(self, record: Record, at: int) -> None:
        """Add a new record, together with its links."""
        if record.id in self._records[record.model]:
            raise ValueError(f"{record.model} has a record {record.id} already")
        self._records[record.model][record.id] = record
        self._known[record.model].append(record.id)
        record.place = len(self._known[record.model])
        self._by_id.pop(record.model, None)
        for field in self.relations.references(record.model):
            self._pair(record, field, record.fields.get(field))
        for name, pairs in record.links.items():
            for target_id, extra in pairs.items():
                self._pair_link(record, name, target_id, extra)
        self._changed(record, at)
        for name, pairs in record.links.items():
            if pairs:
                self._tell(record, name)

    def change(self, record: Record, members: Members, at: int) -> None:
        """Change own members. A value equal to the old one changes the clock all the same."""
        moves = [name for name in self.relations.references(record.model) if name in members]
        if moves:
            # Those that the record leaves are re-emitted too.
            self._changed(record, at)
        for name in moves:
            self._unpair(record, name, record.fields.get(name))
            self._pair(record, name, members[name])
        record.fields.update(members)
        self._changed(record, at)

    def link(self, record: Record, name: str, target_id: str, extra: Members, at: int) -> None:
        """Add a pair to a link, or replace it."""
        if target_id in record.links.get(name, {}):
            self._drop_pair(record, name, target_id)
        record.links.setdefault(name, {})[target_id] = extra
        self._pair_link(record, name, target_id, extra)
        self._link_changed(record, name, at)

    def unlink(self, record: Record, name: str, target_id: str, at: int) -> None:
        """Remove a pair from a link."""
        self._drop_pair(record, name, target_id)
        self._link_changed(record, name, at)

    def delete(self, record: Record, at: int) -> None:
        """Mark the record deleted and take it out of every list that links it."""
        record.deleted_at = at
        self._changed(record, at)
        for relation in self.relations.linking(record.model):
            for carrier in self.holders(relation, record):
                self.unlink(carrier, relation.field, record.id, at)

    def restore(self, record: Record, at: int) -> None:
        """Bring a deleted or removed record back under its id."""
        record.deleted_at, record.blank, record.gone = None, False, False
        self._changed(record, at)

    def blank(self, record: Record) -> None:
        """Anonymise the record: it is shown with nulls from now on. Neither clock moves."""
        record.blank = True
        self._forget_copies(record)

    def remove(self, record: Record) -> None:
        """Remove the record from every list without a trace. Neither clock moves."""
        record.gone = True
        self._forget_copies(record)
        self._tell(record)

    def _changed(self, record: Record, at: int) -> None:
        record.changed_at = max(record.changed_at, at)
        self._by_change.pop(record.model, None)
        for relation in self.relations.showing(record.model):
            if relation.linked:
                for carrier in self.holders(relation, record):
                    carrier.nested_at = max(carrier.nested_at, at)
        self._forget_copies(record)
        self._tell(record)

    def _link_changed(self, record: Record, name: str, at: int) -> None:
        if (record.model, name) in self.relations.matching_links:
            record.nested_at = max(record.nested_at, at)
        self._forget_copies(record)
        self._tell(record, name)

    def _tell(self, record: Record, link: str | None = None) -> None:
        if self.on_change is not None:
            self.on_change(record, link)

    def _forget_copies(self, record: Record) -> None:
        """Drop the rendered form of the record and of every record that shows a copy of it."""
        record.json = None
        for chain in self.relations.chains(record.model):
            shown = [record]
            for relation in chain:
                shown = [holder for each in shown for holder in self.holders(relation, each)]
                if not shown:
                    break
            for holder in shown:
                holder.json = None

    def _drop_pair(self, record: Record, name: str, target_id: str) -> None:
        dropped = record.links[name].pop(target_id)
        self._unpair(record, name, target_id)
        for member in dropped:
            if (record.model, f"{name}.{member}") in self.relations.extras:
                others = {id for extra in record.links[name].values() for id in extra[member]}
                for id in dropped[member]:
                    if id not in others:
                        self._unpair(record, f"{name}.{member}", id)

    def _pair_link(self, record: Record, name: str, target_id: str, extra: Members) -> None:
        self._pair(record, name, target_id)
        for member, ids in extra.items():
            if (record.model, f"{name}.{member}") in self.relations.extras:
                for id in ids:
                    self._pair(record, f"{name}.{member}", id)

    def _pair(self, record: Record, name: str, target_id: str | None) -> None:
        if target_id is not None:
            self._pairs[record.model, name].setdefault(target_id, {})[record.id] = None

    def _unpair(self, record: Record, name: str, target_id: str | None) -> None:
        if target_id is not None:
            self._pairs[record.model, name].get(target_id, {}).pop(record.id, None)
