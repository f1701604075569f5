"""Mapped classes of SQLAlchemy read the mirror with their relations, on both databases."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.orm import Session, aliased, configure_mappers, selectinload

if TYPE_CHECKING:
    from tests.schema_reference.conftest import WriteModels

CONFIG = """
[[passthrough]]
name = "hibob_work_history"
tool = "hibob/v1"
every = "6h"
request = { path = "/bulk/people/work", params = { limit = 200 } }
records = "results"
key = ["employeeId"]

[passthrough.columns]
class = { type = "text", path = "values[0].title" }
from = { type = "date", path = "values[0].effectiveDate" }
"""


@pytest.fixture(scope="module")
def models(write_models: WriteModels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module of all classes, with those of a native list whose columns have names of Python's own."""
    file = tmp_path_factory.mktemp("models") / "kombo_models.py"
    write_models(file, "--format", "sqlalchemy", config=CONFIG)
    yield loaded(file)
    del sys.modules[file.stem]


def loaded(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    configure_mappers()
    return module


@contextmanager
def opened(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_class_reads_its_rows_and_joins_along_every_relation(
    models: ModuleType, mirrors: dict[str, str], dialect: str
) -> None:
    mapped = [each.class_ for each in models.Base.registry.mappers]
    names = {each.__tablename__ for each in mapped}
    assert {"hris_employees", "hris_employees_groups", "hris_employees_live", "mirror_freshness"} <= names
    joined = 0
    with opened(mirrors[dialect]) as session:
        for each in mapped:
            # The views of native lists are made where they are mirrored.
            if each.__tablename__.startswith("hibob_work_history"):
                continue
            session.scalars(select(each).limit(2)).all()
            for relation in each.__mapper__.relationships:
                other = getattr(each, relation.key).of_type(aliased(relation.mapper.class_))
                session.execute(select(each).join(other).limit(1)).all()
                joined += 1
    assert joined > 200


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_employees_have_their_groups_manager_and_absences_as_objects(
    models: ModuleType, mirrors: dict[str, str], dialect: str
) -> None:
    employee = models.HrisEmployeeLive
    with opened(mirrors[dialect]) as session:
        found = session.scalars(
            select(employee).options(
                selectinload(employee.group_rows),
                selectinload(employee.manager_row),
                selectinload(employee.absences),
            )
        ).all()
        pairs = session.execute(
            text(
                "SELECT l.employee_id, l.group_id FROM hris_employees_groups l"
                " JOIN hris_employees_live e ON e.id = l.employee_id"
                " JOIN hris_groups_live g ON g.id = l.group_id"
            )
        )
        joined = [(each.id, group.id) for each in found for group in each.group_rows]
        assert sorted(joined) == sorted(map(tuple, pairs))
        assert {type(group) for each in found for group in each.group_rows} == {models.HrisGroupLive}
        managed = [each for each in found if each.manager_row is not None]
        assert managed
        assert all(each.manager_row.id == each.manager_id for each in managed)
        assert any(each.absences for each in found)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_values_have_the_types_that_they_are_annotated_with(
    models: ModuleType, mirrors: dict[str, str], dialect: str
) -> None:
    employee = models.HrisEmployee
    with opened(mirrors[dialect]) as session:
        one = session.scalars(
            select(employee)
            .where(employee.start_date.is_not(None), employee.weekly_hours.is_not(None))
            .order_by(employee.id)
            .limit(1)
        ).one()
        assert (type(one.start_date), type(one.weekly_hours)) == (date, Decimal)
        assert (type(one.mirrored_at), one.mirrored_at.tzinfo) == (datetime, UTC)
        assert one.document["id"] == one.id
        # Moments compare as moments, also where they are kept as text.
        same = select(func.count()).where(employee.mirrored_at == one.mirrored_at, employee.id == one.id)
        assert session.scalar(same) == 1


def test_a_column_with_a_name_of_pythons_own_has_an_attribute_all_the_same(models: ModuleType) -> None:
    columns = models.HibobWorkHistoryLive.__table__.c
    assert {"class", "from", "record_key"} <= set(columns.keys())
    assert models.HibobWorkHistory.class_.property.columns[0].name == "class"
