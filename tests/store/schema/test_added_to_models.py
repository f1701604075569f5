"""A list that the configuration added becomes a model: the upgrade makes room for its table."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect, select

from syncer.domain.added.spec import AddedList
from syncer.domain.errors import DatabaseRefused
from syncer.domain.stream_key import StreamKey
from syncer.store.schema.added_to_models import drop_views_of_models, forget_added_rows
from syncer.store.schema.mirror_tables import passthrough_records, streams
from syncer.store.schema.native_views import make_views
from syncer.store.state.streams import StreamStore
from tests.support.records import NOW

#: As if this version had brought it just now.
NAME = "hris_pay_runs"


def before(connection: Connection) -> None:
    """Bring the database to how it was while the list was an added one."""
    connection.exec_driver_sql(f"DROP VIEW {NAME}_live")
    connection.exec_driver_sql(f"ALTER TABLE {NAME} RENAME TO out_of_the_way")
    columns = ()
    make_views(connection, [AddedList.configured(NAME, "/hris/pay-runs", columns, paging=True, stated={})])
    StreamStore().add(connection, [StreamKey("personio:1", NAME)])
    connection.execute(streams.update().values(watermark=NOW, last_full_walk_at=NOW, rows_live=1))
    for resource in (NAME, "something_else"):
        connection.execute(
            passthrough_records.insert().values(
                environment="default",
                resource=resource,
                integration_id="personio:1",
                record_key="a",
                first_seen_at=NOW,
                last_seen_at=NOW,
                mirrored_at=NOW,
                content_hash=b"0" * 16,
                document="{}",
            )
        )


def test_its_views_and_rows_go_and_its_streams_begin_anew(connection: Connection) -> None:
    before(connection)
    assert drop_views_of_models(connection) == [NAME]
    forget_added_rows(connection, [NAME])
    assert {NAME, f"{NAME}_live"}.isdisjoint(inspect(connection).get_view_names())
    assert connection.execute(select(passthrough_records.c.resource)).scalars().all() == ["something_else"]
    (stream,) = StreamStore().all(connection)
    assert (stream.state, stream.watermark, stream.last_full_walk_at, stream.rows_live) == (
        "new",
        None,
        None,
        0,
    )
    # Its name is free.
    connection.exec_driver_sql(f"ALTER TABLE out_of_the_way RENAME TO {NAME}")


def test_where_it_is_a_table_nothing_is_done(connection: Connection) -> None:
    assert drop_views_of_models(connection) == []


def test_a_view_of_somebody_else_on_it_stops_the_upgrade(connection: Connection) -> None:
    before(connection)
    connection.exec_driver_sql(f"CREATE VIEW payroll AS SELECT id FROM {NAME}")
    if connection.dialect.name == "sqlite":
        # Views of SQLite's do not mind what they show.
        assert drop_views_of_models(connection) == [NAME]
        connection.exec_driver_sql("DROP VIEW payroll")
        connection.exec_driver_sql(f"ALTER TABLE out_of_the_way RENAME TO {NAME}")
        return
    with pytest.raises(DatabaseRefused, match=f"payroll shows {NAME}. Drop payroll"):
        drop_views_of_models(connection)
