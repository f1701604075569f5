"""Programs that make models of the database itself get classes that read it, without relations."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, create_engine, select
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, mirrors: dict[str, str]) -> Iterator[Engine]:
    engine = create_engine(mirrors[request.param])
    yield engine
    engine.dispose()


def test_automap_and_sqlacodegen_give_classes_that_read_rows(engine: Engine, tmp_path: Path) -> None:
    # To import it takes seconds, and this module is imported in every run of any test.
    from sqlacodegen.generators import DeclarativeGenerator

    metadata = MetaData()
    metadata.reflect(engine)
    base = automap_base(metadata=metadata)
    base.prepare()
    # It writes no partial index of SQLite's that Python could read.
    made = tmp_path / f"generated_{engine.dialect.name}.py"
    made.write_text(DeclarativeGenerator(metadata, engine, ["noindexes"]).generate(), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(made.stem, made)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[made.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    del sys.modules[made.stem]
    with Session(engine) as session:
        for employee in (base.classes.hris_employees, module.HrisEmployees):
            one = session.scalars(select(employee).limit(1)).one()
            assert one.id
            assert one.mirrored_at.year > 2020
