"""Names of tables and views, against the tables that there are."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.tables import is_taken, parameter_columns, views_of
from syncer.store.schema.migrate import VERSION_TABLE
from syncer.store.schema.mirror_tables import MIRROR, all_tables
from syncer.store.schema.state_views import STATE_VIEWS
from syncer.store.schema.views import live_name, safe_name
from tests.support.for_each import for_each


def test_every_table_and_view_has_its_name_taken() -> None:
    live = [live_name(name) for name in catalogue()]
    names = [*all_tables().tables, *live, *map(safe_name, [*MIRROR, *live])]
    names += [*(view.name for view in STATE_VIEWS), VERSION_TABLE]
    assert [name for name in names if not is_taken(name)] == []
    assert not is_taken("hibob_work_history")


def test_the_views_of_a_name_are_named_as_those_of_tables() -> None:
    assert views_of("a") == ("a", live_name("a"), safe_name("a"), safe_name(live_name("a")))


def test_a_tool_can_be_asked_by_tables_whose_rows_have_an_integration() -> None:
    with_integration = {name for name, table in MIRROR.items() if "integration_id" in table.c}
    assert parameter_columns().keys() == with_integration | {live_name(name) for name in catalogue()}


@for_each("name", parameter_columns())
def test_a_tool_can_be_asked_by_columns_that_the_table_has(name: str) -> None:
    table = MIRROR[name.removesuffix("_live")]
    assert parameter_columns()[name] >= {"id", "remote_id"}
    assert {type(table.c[column].type) for column in parameter_columns()[name]} <= {Text, BigInteger}
