"""Project the records of an added list: to rows of the table that native lists have, too. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from syncer.domain.added.spec import AddedList
from syncer.domain.fingerprint import fingerprint_of
from syncer.domain.native.rows import column_value, strip_stored
from syncer.domain.records.exclude import Excluded, Target, excluded_from, excluded_from_stored
from syncer.domain.records.exclusions import Exclusion
from syncer.domain.records.projection import Projection
from syncer.domain.records.record import Poison, Record, Values, decoded, hashed, poison
from syncer.domain.records.row import Row, is_shell
from syncer.domain.records.values import CONVERTERS, Unfit, json_text

#: What a row has of its record outside of the typed columns.
_BESIDE_COLUMNS = ["changed_at", "remote_deleted_at"]


def added_exclusions(
    spec: AddedList, exclusions: frozenset[Exclusion], *, is_stored: bool = False
) -> Excluded | None:
    """Select what is excluded from the list's records; None: nothing. is_stored: they are stored ones.

    Nobody describes these: any object inside them may be a copy of a record of the same family.
    """
    select = excluded_from_stored if is_stored else excluded_from
    return select(spec.name, exclusions, is_undescribed=True)


def project_added(spec: AddedList, record: Record, excluded: Excluded | None = None) -> Row | Poison:
    """Project a record to its row, or to the reason why there is none; excluded: as it was read with."""
    try:
        members = decoded(record.text)
        notes: list[str] = []
        columns = {each.name: column_value(each, "json", members, notes) for each in spec.columns}
        deleted_at = _deleted_at(members, notes)
        return Row(
            id=record.id,
            values={
                "parent": None,
                "columns": json_text(columns),
                "changed_at": columns["changed_at"] and datetime.fromisoformat(columns["changed_at"]),
                "remote_deleted_at": deleted_at,
            },
            document=record.text.decode(),
            content_hash=record.content_hash,
            deleted_at=deleted_at,
            is_shell=is_shell(members, deleted_at),
            links={},
            children={},
            notes=tuple(notes),
        )
    except RecursionError:
        return poison(record.text, "nested too deeply", excluded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return poison(record.text, f"not readable: {error}", excluded)


def read_stored_added(stored: Record, excluded: Excluded) -> Record:
    """Read a row's record once more, without what is excluded; its id alone where that cannot be told."""
    stripped = strip_stored(stored, excluded, {"id": stored.id})
    if stripped is None:
        return stored
    record, text = stripped
    return stored._replace(text=text, content_hash=hashed(record))


def added_projection(spec: AddedList, exclusions: frozenset[Exclusion]) -> Projection:
    """Identify the projection of the list's records: with other columns they become other rows."""
    excluded = added_exclusions(spec, exclusions)
    removed = [] if excluded is None else [str(each) for each in excluded.exclusions]
    elsewhere = [] if excluded is None else [_shown(target) for target in excluded.elsewhere]
    fingerprint = fingerprint_of([spec.columns_fingerprint, removed, elsewhere, _BESIDE_COLUMNS])
    return Projection(fingerprint, tuple(removed), frozenset({f"{spec.name}.id"}))


def _shown(target: Target) -> list[object]:
    return [target.path, target.pseudonyms and target.pseudonyms.fingerprint]


def _deleted_at(members: Values, notes: list[str]) -> datetime | None:
    value = members.get("remote_deleted_at")
    if value is None:
        return None
    try:
        moment: datetime = CONVERTERS["timestamp"](value)
    except Unfit as reason:
        notes.append(f"remote_deleted_at: {reason}")
        return None
    return moment
