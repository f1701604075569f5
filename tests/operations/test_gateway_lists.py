"""Lists at the gateway are those of Kombo: record by record, member by member, whatever is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.gateway.answer import Answered, Forwarded
from syncer.domain.gateway.column_filters import ColumnFilter, column_filter
from syncer.simulator.life.random_change import random_change
from tests.support.databases import migrated_database
from tests.support.gateway import GatewayLists, KomboLists
from tests.support.mirror import Mirror, Record
from tests.support.source import standing_environment
from tests.support.world import World

MODELS = list(catalogue())


@dataclass
class Both:
    """A mirror that is at rest, as the gateway shows it, and its source."""

    gateway: GatewayLists
    kombo: KomboLists
    world: World

    @cached_property
    def deleted(self) -> set[str]:
        """Ids of all records that are deleted at Kombo."""
        return {
            each["id"]
            for model in MODELS
            if model_named(model).features.include_deleted
            for each in self.kombo.walk(model, include_deleted="true", page_size="250")
            if each["remote_deleted_at"] is not None
        }


def at_rest(request: pytest.FixtureRequest, dialect: str, directory: Path) -> Iterator[Both]:
    """A company whose mirror has followed it for a while: copies inside records have grown old in it."""
    with migrated_database(request, dialect, directory) as url:
        environment = standing_environment(records=700, seed=11)
        world = World(environment, Mirror(url))
        asyncio.run(world.sync())
        (company,) = environment.companies.values()
        rng = Random(5)
        for _ in range(2):
            environment.clock.advance(timedelta(hours=1))
            for _ in range(150):
                random_change(company, rng)
            asyncio.run(world.sync())
        app = world.app()
        yield Both(
            GatewayLists(app, company.integration_id), KomboLists(environment, company.integration_id), world
        )
        app.close()


@pytest.fixture(scope="module")
def sqlite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    yield from at_rest(request, "sqlite", tmp_path_factory.mktemp("gateway"))


@pytest.fixture(scope="module")
def postgresql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    yield from at_rest(request, "postgresql", tmp_path_factory.mktemp("gateway"))


@pytest.fixture(params=["sqlite", "postgresql"])
def both(request: pytest.FixtureRequest) -> Both:
    found: Both = request.getfixturevalue(request.param)
    return found


def by_id(records: list[Record]) -> dict[str, Record]:
    found = {each["id"]: each for each in records}
    assert len(found) == len(records), "a record came twice"
    return found


def assert_same(got: list[Record], wanted: list[Record], deleted: Collection[str] = ()) -> None:
    """Fail unless both are the same records, and name the first member that differs.

    deleted: ids of records that Kombo takes out of every list that has them, and tells of that only some.
    """
    mine, theirs = by_id(got), by_id(wanted)
    assert mine.keys() == theirs.keys()
    for id, record in theirs.items():
        assert mine[id].keys() == record.keys()
        for name, value in record.items():
            assert alike(mine[id][name], value, deleted), (id, name, mine[id][name], value)


def alike(mine: Any, theirs: Any, deleted: Collection[str]) -> bool:
    """Tell whether a value is Kombo's. A copy need not have a member that it came without."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return all(
            alike(mine[name], theirs.get(name), deleted) if name in mine else name not in ("id", "name")
            for name in mine.keys() | theirs.keys()
        )
    if isinstance(mine, list) and isinstance(theirs, list):
        kept = mine if len(mine) == len(theirs) else [each for each in mine if not names(each, deleted)]
        return len(kept) == len(theirs) and all(
            alike(one, other, deleted) for one, other in zip(kept, theirs, strict=True)
        )
    return bool(mine == theirs)


def names(value: Any, ids: Collection[str]) -> bool:
    """Tell whether an entry is, or holds, a record with one of these ids."""
    if not isinstance(value, dict):
        return False
    return value.get("id") in ids or any(names(each, ids) for each in value.values())


def test_every_list_is_that_of_kombo_with_every_copy_as_its_own_row_says(both: Both) -> None:
    for model in MODELS:
        deleted = {"include_deleted": "true"} if model_named(model).features.include_deleted else {}
        records = both.gateway.walk(model, **deleted)
        assert records, model
        assert_same(records, both.kombo.walk(model, **deleted), both.deleted)


#: A value that fits nothing.
NOTHING = "no-such-value"


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, dict[str, str], dict[str, ColumnFilter]]:
    """A model, common parameters, and those of its filters that the mirror answers."""
    model = model_named(draw(st.sampled_from(MODELS)))
    features = model.features
    parameters: dict[str, str] = {}
    if features.paging:
        parameters["page_size"] = str(draw(st.integers(1, 250)))
    if features.include_deleted:
        parameters |= (
            {"include_deleted": draw(st.sampled_from(["true", "false"]))} if draw(st.booleans()) else {}
        )
    answered = {
        each.name: found for each in model.filters if (found := column_filter(model, each)) is not None
    }
    chosen = draw(st.lists(st.sampled_from(sorted(answered)), unique=True, max_size=2)) if answered else []
    return model.name, parameters, {name: answered[name] for name in chosen}


def value_at(record: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(record, list):
            record = record[0] if record else None
        record = record.get(step) if isinstance(record, dict) else None
    return record


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=questions(), data=st.data())
def test_every_question_that_the_mirror_answers_has_kombos_answer(
    both: Both, question: tuple[str, dict[str, str], dict[str, ColumnFilter]], data: st.DataObject
) -> None:
    model, parameters, filters = question
    size = parameters.pop("page_size", None)
    records = both.kombo.walk(model, **parameters)
    some = st.lists(st.sampled_from(records), min_size=1, max_size=5) if records else st.just([])
    features = model_named(model).features
    for name, has in (("ids", features.ids), ("remote_ids", features.remote_ids)):
        if has and data.draw(st.integers(0, 3)) == 0:
            member = name.removesuffix("s")
            values = {str(each[member]) for each in data.draw(some) if each[member]} | {NOTHING}
            parameters[name] = ",".join(sorted(values))
    for name, found in filters.items():
        values = {str(value_at(each, found.source)) for each in data.draw(some)} - {"None"}
        if found.filter.choices:
            values &= set(found.filter.choices)
        if found.filter.type != "list":
            values = set(sorted(values)[:1])
        if values:
            parameters[name] = ",".join(sorted(values))
    if size is not None:
        # Some pages are as good as a hundred.
        parameters["page_size"] = str(max(int(size), len(records) // 8, 1))
    assert_same(both.gateway.walk(model, **parameters), both.kombo.walk(model, **parameters), both.deleted)


@pytest.mark.parametrize("size", [1, 2, 99, 100, 101, 249, 250])
def test_pages_have_the_size_that_is_asked_for(sqlite: Both, size: int) -> None:
    everything = sqlite.gateway.walk("hris_groups")
    page, cursor = sqlite.gateway.page("hris_groups", page_size=str(size))
    assert page == everything[:size]
    assert (cursor is None) is (len(everything) <= size)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("hris_employees", {"page_size": "251"}),
        ("hris_employees", {"updated_after": "2026-01-31T08:00:00+00:00"}),
        ("hris_employees", {"employment_statuses": "RETIRED", "page_size": "0"}),
        ("ats_jobs", {"include_deleted": "maybe"}),
    ],
)
def test_what_cannot_be_asked_is_refused_as_kombo_refuses_it(
    sqlite: Both, model: str, parameters: dict[str, str]
) -> None:
    answer = sqlite.gateway.ask(model, **parameters)
    assert isinstance(answer, Answered)
    assert (answer.status, answer.body) == sqlite.kombo.ask(model, parameters)
    assert answer.complete_as_of is None


def test_an_answer_says_up_to_when_it_is_complete(sqlite: Both) -> None:
    answer = sqlite.gateway.ask("hris_groups")
    assert isinstance(answer, Answered)
    (stream,) = (each for key, each in sqlite.world.streams().items() if key.model == "hris_groups")
    assert answer.complete_as_of == stream.watermark


def test_a_cursor_is_good_after_a_restart_and_when_the_list_is_too_old_to_begin(sqlite: Both) -> None:
    lists = sqlite.gateway
    page, cursor = lists.page("hris_groups", page_size="2")
    assert cursor is not None
    app = sqlite.world.app()
    later = GatewayLists(app, lists.integration, serve=(), max_age=timedelta(0))
    assert isinstance(later.ask("hris_groups", page_size="2"), Forwarded)
    more, _ = later.page("hris_groups", page_size="2", cursor=cursor)
    app.close()
    assert page + more == lists.walk("hris_groups")[:4]


def test_a_cursor_belongs_to_its_list_and_filters(sqlite: Both) -> None:
    _, cursor = sqlite.gateway.page("hris_groups", page_size="2")
    assert cursor is not None
    for model, parameters in (("hris_groups", {"include_deleted": "true"}), ("hris_locations", {})):
        answer = sqlite.gateway.ask(model, **parameters, cursor=cursor)
        assert isinstance(answer, Answered)
        assert answer.status == 400
        assert b"PLATFORM.INPUT_INVALID" in answer.body


FORWARDED: list[tuple[str, dict[str, str], dict[str, Any], str]] = [
    ("hris_groups", {"cursor": "eyJhZnRlciI6IDF9"}, {}, "Kombo's"),
    ("hris_groups", {"name_contains": "x"}, {}, "exactly"),
    ("hris_groups", {"verbose": "true"}, {}, "not known"),
    ("hris_groups", {}, {"serve": ["ats_*"]}, "configuration"),
    ("hris_groups", {}, {"max_age": timedelta(0)}, "too long ago"),
    ("hris_groups", {"page_size": "0"}, {"max_age": timedelta(0)}, "too long ago"),
    ("hris_groups", {}, {"integration": "tool:unknown"}, "not mirrored"),
]


@pytest.mark.parametrize(("model", "parameters", "changes", "reason"), FORWARDED)
def test_what_the_mirror_does_not_answer_is_forwarded_with_a_reason(
    sqlite: Both, model: str, parameters: dict[str, str], changes: dict[str, Any], reason: str
) -> None:
    lists = replace(sqlite.gateway, **changes)
    answer = lists.ask(model, **parameters)
    assert isinstance(answer, Forwarded)
    assert reason in answer.reason


def test_a_filter_without_an_exact_column_is_left_to_kombo(sqlite: Both) -> None:
    for model in catalogue().values():
        for each in model.filters:
            if column_filter(model, each) is None:
                answer = sqlite.gateway.ask(model.name, **{each.name: "2026-01-01"})
                assert isinstance(answer, Forwarded), (model.name, each.name)
                assert each.name in answer.reason
