"""The list of places against the database: no column holds something of a record and is not in it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Date, Float, Integer, Time

from syncer.domain.catalogue.places import OF_ROWS, PLACES, places
from syncer.store.db.types import Number, Timestamp
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.mirror_tables import all_tables

#: Columns of tables that all lists share which hold nothing of a record, and what they hold instead.
NOTHING_OF_RECORDS = {
    "environment": "the name of the environment",
    "model": "the name of a list",
    "resource": "the name of a native list",
    "run_id": "an id of our making",
    "walk_id": "an id of our making",
    "sync_runs.id": "an id of our making",
    "sync_runs.owner": "a process",
    "sync_runs.kind": "a word of ours",
    "sync_runs.outcome": "a word of ours",
    "sync_missing.confirmed_by": "an id of our making",
    "sync_streams.state": "a word of ours",
    "sync_streams.lease_owner": "a process",
    "sync_streams.filters": "the configuration's own words",
    "sync_streams.walk_filters": "the configuration's own words",
    "sync_streams.walk_kind": "a word of ours",
    "sync_streams.walk_updated_after": "a time",
    "sync_streams.walk_phase": "a word of ours",
    "sync_streams.last_outcome": "a word of ours",
    "sync_projections.fingerprint": "a hash of the catalogue and the configuration",
    "sync_projections.exclusions": "names of members",
    "sync_projections.key_members": "names of members",
    "sync_projections.at_table": "the name of a table",
    "sync_projections.history": "names of tables",
    "mirror_history": "the name of a table",
    "sync_webhook_events": "words and ids of an event, which names no record",
    "sync_unknown_models": "the name of a model",
    "sync_alerts": "words and numbers of ours, names of lists, and a process",
    "sync_deliveries": "numbers of changes, words of ours, and a process",
    "mirror_changes.operation": "a word of ours",
    "mirror_changes.members": "names of members",
    "sync_processes": "a process, and words of ours",
    "sync_verifications": "numbers and words of ours, hashes of whole lists, and a process",
    "sync_consumers.name": "the name of a consumer",
    "sync_erased": "keyed hashes, and an id of our making",
    "sync_erasures": "names, ids of our making, numbers of rows, and what its operator wrote",
    "sync_erasure_key": "a key, and an id of our making",
    "sync_readers": "roles of the database, and ids of integrations",
    "sync_integrations": "what Kombo says of the integration",
    "sync_budgets": "the request limit",
    "sync_refused_parameters.parameter": "the name of a query parameter",
    "sync_refused_keys": "a hash of the key, and words of ours",
}
#: Types in which a record's values stand as typed columns of mirror tables alone.
_PLAIN = (BigInteger, Boolean, Date, Float, Integer, Number, Time, Timestamp)


def test_every_place_is_a_column_of_the_database() -> None:
    columns = {(table.name, column.name) for table in all_tables().tables.values() for column in table.c}
    assert {(each.table, each.column) for each in places()} <= columns


def test_every_other_column_holds_nothing_of_a_record() -> None:
    known = {(each.table, each.column) for each in places()}
    of_models = {each.table for each in places()} - {each.table for each in PLACES}
    left = [
        f"{table.name}.{column.name}"
        for table in all_tables().tables.values()
        for column in table.c
        if (table.name, column.name) not in known
        and column.name not in OF_ROWS
        and (table.name in of_models or not isinstance(column.type, _PLAIN))
        and not {column.name, table.name, f"{table.name}.{column.name}"} & NOTHING_OF_RECORDS.keys()
    ]
    assert left == []


def test_the_feed_has_one_column_with_values() -> None:
    assert {each.column for each in PLACES if each.table == changes.name} == {"record_id", "before"}
