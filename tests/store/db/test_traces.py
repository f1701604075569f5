"""Traces of exceptions: where it came from and what kind it was, without the values that it quotes."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from syncer.domain.errors import UsageError
from syncer.domain.texts.exceptions import describe_exception, format_trace
from syncer.store.db.database import Database


def test_a_database_that_refuses_a_row_does_not_repeat_it(database: Database) -> None:
    person = "anna.schmidt@acme.example"
    row = {"name": person}
    statement = text("INSERT INTO made_up VALUES (:name)")
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE made_up (name TEXT PRIMARY KEY)"))
        connection.execute(statement, row)
    with pytest.raises(DBAPIError) as caught, database.begin() as connection:
        connection.execute(statement, row)
    trace = format_trace(caught.value)
    assert person not in trace
    assert "test_traces.py" in trace
    assert "IntegrityError" in trace
    assert person not in describe_exception(caught.value)


def test_causes_and_groups_are_in_a_trace_and_the_values_of_none() -> None:
    try:
        try:
            dict[str, int]()["anna"]
        except KeyError as error:
            raise ExceptionGroup("two", [UsageError("Name one."), ValueError("bernd")]) from error
    except ExceptionGroup as error:
        trace = format_trace(error)
    assert "anna" not in trace.replace('["anna"]', "")
    assert "bernd" not in trace.replace('ValueError("bernd")', "")
    for part in ("KeyError", "direct cause", "ExceptionGroup", "Name one.", "ValueError"):
        assert part in trace
