"""JSON that is shown in part: of any value only members that are known, and no statement fails on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from syncer.domain.catalogue.model import Member
from syncer.domain.catalogue.privacy import Privacy
from syncer.store.schema.reduced_json import reduced
from tests.support.databases import PostgresServer

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"

SHAPES: dict[str, tuple[Member, ...]] = {
    "plain": (),
    "object": (Member("city", Privacy.ORGANISATION), Member("raw", Privacy.CONTACT)),
    "nested": (
        Member("city", Privacy.ORGANISATION),
        Member("inner", Privacy.POSTING, (Member("a", Privacy.POSTING), Member("b", Privacy.UNKNOWN))),
        Member("raw", Privacy.CONTACT, (Member("a", Privacy.POSTING),)),
    ),
}
plain = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "'", '"', "é", "{}"])
names = st.sampled_from(["city", "raw", "inner", "a", "b", "other"])
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def connection(postgres_server: PostgresServer) -> Iterator[psycopg.Connection[TupleRow]]:
    with (
        postgres_server.database() as url,
        psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection,
    ):
        connection.execute("CREATE TEMP TABLE given (value jsonb)")
        yield connection


def expected(value: Json, members: tuple[Member, ...]) -> Json:
    """The same, without SQL."""

    def is_kept(each: Json) -> bool:
        return isinstance(each, dict) if members else not isinstance(each, dict | list)

    if isinstance(value, list):
        return [shown(each, members) for each in value if is_kept(each)]
    return shown(value, members) if is_kept(value) else None


def shown(value: Json, members: tuple[Member, ...]) -> Json:
    if not isinstance(value, dict):
        return value
    known = (member for member in members if not member.privacy.is_sensitive)
    return {member.name: expected(value.get(member.name), member.members) for member in known}


@given(value=values, shape=st.sampled_from(sorted(SHAPES)))
def test_only_known_members_are_left_of_any_value(
    connection: psycopg.Connection[TupleRow], value: Json, shape: str
) -> None:
    members = SHAPES[shape]
    statement = f"SELECT {reduced('value', members)} FROM (SELECT CAST(%s AS jsonb) AS value) AS given"
    (found,) = connection.execute(statement.encode(), (json.dumps(value),)).fetchall()
    assert found == (expected(value, members),)


def test_a_missing_value_stays_missing(connection: psycopg.Connection[TupleRow]) -> None:
    for members in SHAPES.values():
        statement = f"SELECT {reduced('value', members)} FROM (SELECT NULL::jsonb AS value) AS given"
        assert connection.execute(statement.encode()).fetchall() == [(None,)]
