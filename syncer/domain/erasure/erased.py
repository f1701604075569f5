"""Taking of what is erased out of a record: itself, copies of it, and what refers to it. Pure.

A copy of an erased record inside another one goes whole, out of a list or to null, and so does its id
wherever the catalogue says that there is one. In what the catalogue does not describe every object goes that
has one of the ids, and every text that is one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field

from syncer.domain.catalogue.members import FREE, embeds, entries, entry_members, members
from syncer.domain.erasure.relations import links, references, remote_owners
from syncer.domain.erasure.traces import Kind, family, list_scope, trace

Values = dict[str, Any]
Path = tuple[str, ...]


class Forgotten(NamedTuple):
    """Result of taking what is erased out of a record.

    receipt: that of the erasure by which the whole record is erased; None: it stays. members: names of its
    members that have lost something.
    """

    receipt: str | None
    members: frozenset[str] = frozenset()


class Erased(Struct, frozen=True, eq=False):
    """All that is erased; false where that is nothing.

    receipts: of each trace, that of its erasure. alone: those of erasures that left what is about the record.
    """

    key: bytes = b""
    receipts: Mapping[bytes, str] = field(default_factory=dict)
    alone: Collection[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.receipts)

    def forget(self, table: str, integration_id: str | None, record: Values) -> Forgotten:
        """Take out of a record of the table what is erased, unless it is erased itself.

        The record may have only some of its members. integration_id: None where the tool's ids need not be
        looked at. Raises RecursionError.
        """
        if not self or table not in members():
            return Forgotten(None)
        receipt = self.receipt_of(table, integration_id, record)
        if receipt is not None:
            return Forgotten(receipt)
        return Forgotten(None, frozenset(self._clean(table, integration_id, record, members()[table])))

    def receipt_of(self, table: str, integration_id: str | None, record: Values) -> str | None:
        """Find the erasure by which a record is erased: its own, or that of whom it is about."""
        receipt = self._find(Kind.ID, table, record.get("id"))
        for reference in references().get(table, ()):
            if receipt is None and reference.is_owner:
                receipt = self._find(Kind.OWNER, reference.table, at(record, reference.path))
        if receipt is None and integration_id is not None:
            receipt = self._find(Kind.REMOTE_ID, list_scope(integration_id, table), record.get("remote_id"))
            for owner in remote_owners().get(table, ()):
                if receipt is None:
                    scope = list_scope(integration_id, owner.table)
                    receipt = self._find(Kind.REMOTE_OWNER, scope, at(record, owner.path))
        return receipt

    def receipt_of_native(self, name: str, integration_id: str, key: str, parent: str | None) -> str | None:
        """Find the erasure by which a record of a native list is erased."""
        scope = list_scope(integration_id, name)
        return self._find(Kind.KEY, scope, key) or self._find(Kind.PARENT, scope, parent)

    def is_in(self, table: str, text: str) -> bool:
        """Tell whether a text is the id of an erased record of the table's family."""
        return self._find(Kind.ANYWHERE, family(table), text) is not None

    def _find(self, kind: Kind, scope: str, value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        return self.receipts.get(trace(self.key, kind, scope, value))

    def _clean(
        self, table: str, integration_id: str | None, record: Values, known: frozenset[str]
    ) -> set[str]:
        """Take out of a record what is erased; give the names of the members that have lost something."""
        changed = set[str]()
        for link in links().get(table, ()):

            def is_linked(entry: Values, path: Path = link.target_path, of: str = link.references) -> bool:
                return self._find(Kind.ID, of, at(entry, path)) is not None

            if _drop(record, link.member, is_linked):
                changed.add(link.member[0])
        for embed in embeds()[table]:

            def is_erased(copy: Values, of: str = embed.table) -> bool:
                return self.receipt_of(of, integration_id, copy) is not None

            if _drop(record, embed.path, is_erased):
                changed.add(embed.path[0])
            for copy in entries(record, embed.path):
                if self._clean(embed.table, integration_id, copy, entry_members(table, embed.path)):
                    changed.add(embed.path[0])
        for reference in references().get(table, ()):
            if self._find(Kind.ID, reference.table, at(record, reference.path)) is not None:
                holder = at(record, reference.path[:-1])
                holder[reference.path[-1]] = None
                changed.add(reference.path[0])
        for name, value in record.items():
            if name not in known or name in FREE:
                left, is_changed = self._clean_anywhere(table, value)
                if is_changed:
                    record[name] = left
                    changed.add(name)
        return changed

    def _clean_anywhere(self, table: str, value: Any) -> tuple[Any, bool]:
        """Take the ids, and the objects that have one, out of what nobody describes; give what is left."""
        if isinstance(value, str):
            return (None, True) if self.is_in(table, value) else (value, False)
        if isinstance(value, dict):
            if isinstance(value.get("id"), str) and self.is_in(table, value["id"]):
                return None, True
            cleaned = {name: self._clean_anywhere(table, each) for name, each in value.items()}
            return {name: left for name, (left, _) in cleaned.items()}, any(c for _, c in cleaned.values())
        if isinstance(value, list):
            parts = [(each, *self._clean_anywhere(table, each)) for each in value]
            # Of a list the entry goes that was erased whole.
            left = [left for each, left, changed in parts if not (changed and left is None)]
            return left, any(changed for *_, changed in parts)
        return value, False


def at(record: Any, path: Path) -> Any:
    """Give the value at the end of the path, of objects alone; None where there is none."""
    for member in path:
        record = record.get(member) if isinstance(record, dict) else None
    return record


def _drop(holder: Any, path: Path, is_gone: Callable[[Values], bool]) -> bool:
    """Take the objects at the end of the path out of their lists, or put null in their places."""
    if isinstance(holder, list):
        # Of all of them, and not only of the first.
        return True in [_drop(each, path, is_gone) for each in holder]
    if not isinstance(holder, dict) or not path:
        return False
    value = holder.get(path[0])
    if len(path) > 1:
        return _drop(value, path[1:], is_gone)
    if isinstance(value, dict) and is_gone(value):
        holder[path[0]] = None
        return True
    if isinstance(value, list):
        left = [each for each in value if not (isinstance(each, dict) and is_gone(each))]
        if len(left) < len(value):
            holder[path[0]] = left
            return True
    return False
