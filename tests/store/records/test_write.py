"""A page of records becomes rows: what is written, what is left alone, and what each record counts as."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from syncer.domain.catalogue.lookup import catalogue, model_named
from syncer.domain.catalogue.model import Model
from syncer.domain.records.change import Counts
from syncer.domain.records.columns import INDEXED_BYTES
from syncer.domain.records.row import Row, project_text
from syncer.domain.stream_key import StreamKey
from syncer.store.db.database import Database
from syncer.store.schema.destination import model_destination
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.state.quarantine import keep_in_quarantine, quarantined
from tests.support.records import MakeRow
from tests.support.rows import write_page

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DELETED = "2026-02-01T00:00:00.000Z"
EMPLOYEES = model_named("hris_employees")
JOBS = model_named("ats_jobs")
TAGS = model_named("ats_tags")

every_model = pytest.mark.parametrize("model", catalogue().values(), ids=catalogue())


def write(
    connection: Connection,
    model: Model,
    rows: Sequence[Row],
    *,
    now: datetime = NOW,
    began: datetime = LATER + timedelta(days=1),
    integration: str = "tool:one",
    keep: bool = False,
) -> Counts:
    """A page that the database takes whole, of a walk that has not stored anything before it."""
    written = write_page(
        connection,
        model_destination(model, integration),
        rows,
        now=now,
        walk_began_at=began,
        keep_anonymised=keep,
    )
    assert written.poisons == []
    return written.counts


def stored(connection: Connection, model: Model, record_id: str = "record") -> dict[str, Any]:
    table = MIRROR[model.name]
    return dict(connection.execute(select(table).where(table.c.id == record_id)).one()._mapping)


def all_rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    found = connection.execute(select(MIRROR[table]).order_by(*MIRROR[table].primary_key))
    return [{name: comparable(value) for name, value in row._mapping.items()} for row in found]


def comparable(value: Any) -> Any:
    """JSON as values, whichever way a database gives it."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return json.loads(value)
    return value


def expected(values: dict[str, Any]) -> dict[str, Any]:
    return {name: comparable(value) for name, value in values.items()}


def versions(connection: Connection, table: str) -> list[Any]:
    """What changes whenever a row is written, even with the same values."""
    if connection.dialect.name == "sqlite":
        return list(connection.execute(select(MIRROR[table])))
    # Equal numbers mean that the row was not even locked.
    return list(
        connection.execute(text(f"SELECT xmin::text, xmax::text, ctid::text FROM {table} ORDER BY ctid"))
    )


# --- every model


@every_model
def test_a_record_becomes_a_row_with_its_links_and_children(
    connection: Connection, model: Model, row_of: MakeRow
) -> None:
    row = row_of(model)
    assert write(connection, model, [row]) == Counts(created=1, live=1)
    written = {name: comparable(value) for name, value in stored(connection, model).items()}
    assert written == {
        "id": "record",
        "integration_id": "tool:one",
        **expected(row.values),
        "document": json.loads(row.document),
        "content_hash": row.content_hash,
        "first_seen_at": NOW,
        "mirrored_at": NOW,
        "deleted_by": None,
    }
    for link in model.links:
        assert len(row.links[link.table]) == 2
        assert all_rows(connection, link.table) == [expected(entry) for entry in row.links[link.table]]
    for child in model.children:
        added = {"integration_id": "tool:one"} | ({} if child.owner else {"mirrored_at": NOW})
        assert len(row.children[child.table]) == 2
        assert all_rows(connection, child.table) == [
            expected({**entry, **added}) for entry in row.children[child.table]
        ]


@every_model
def test_a_records_life_is_counted_and_its_row_follows(
    connection: Connection, model: Model, row_of: MakeRow
) -> None:
    first, changed = row_of(model), row_of(model, version=2)
    deleted = row_of(model, version=2, remote_deleted_at=DELETED)
    tables = [model.name, *(link.table for link in model.links), *(child.table for child in model.children)]

    assert write(connection, model, [first]) == Counts(created=1, live=1)
    before = [versions(connection, table) for table in tables]
    assert write(connection, model, [first], now=LATER) == Counts(unchanged=1)
    assert [versions(connection, table) for table in tables] == before

    assert write(connection, model, [changed], now=LATER) == Counts(updated=1)
    row = stored(connection, model)
    assert (row["first_seen_at"], row["mirrored_at"]) == (NOW, LATER)
    assert comparable(row["document"]) == json.loads(changed.document)
    for column, value in changed.values.items():
        assert comparable(row[column]) == comparable(value)
    for link in model.links:
        assert all_rows(connection, link.table) == [expected(entry) for entry in changed.links[link.table]]
    for child in model.children:
        values = [entry["document"] for entry in all_rows(connection, child.table)]
        assert values == [json.loads(entry["document"]) for entry in changed.children[child.table]]

    assert write(connection, model, [deleted]) == Counts(deleted=1, live=-1, gone=1)
    row = stored(connection, model)
    assert (row["remote_deleted_at"], row["deleted_by"]) == (datetime(2026, 2, 1, tzinfo=UTC), "kombo")
    assert write(connection, model, [deleted]) == Counts(unchanged=1)

    assert write(connection, model, [changed]) == Counts(restored=1, live=1, gone=-1)
    row = stored(connection, model)
    assert (row["remote_deleted_at"], row["deleted_by"], row["first_seen_at"]) == (None, None, NOW)


def test_a_record_that_comes_deleted_at_first_counts_as_created_and_gone(
    connection: Connection, row_of: MakeRow
) -> None:
    row = row_of(TAGS, remote_deleted_at=DELETED)
    assert write(connection, TAGS, [row]) == Counts(created=1, gone=1)
    assert stored(connection, TAGS)["deleted_by"] == "kombo"


# --- links and children


def test_links_and_owned_children_that_are_gone_from_the_record_are_gone(
    connection: Connection, row_of: MakeRow
) -> None:
    write(connection, JOBS, [row_of(JOBS, "a"), row_of(JOBS, "b")])
    write(connection, JOBS, [row_of(JOBS, "a", stages=[{"id": "new", "index": 7}], job_postings=[])])
    stages = all_rows(connection, "ats_jobs_stages")
    assert [(row["job_id"], row["application_stage_id"], row["position"]) for row in stages] == [
        ("a", "new", 7),
        ("b", "b-stages-0", 2**53 + 1),
        ("b", "b-stages-1", 2**53 + 1),
    ]
    assert {row["job_id"] for row in all_rows(connection, "ats_job_postings")} == {"b"}
    assert len(all_rows(connection, "ats_jobs_hiring_team")) == 4


def test_owned_children_keep_the_order_of_the_record(connection: Connection, row_of: MakeRow) -> None:
    def order() -> list[tuple[int, str]]:
        return [(row["position"], row["id"]) for row in all_rows(connection, "ats_job_postings")]

    write(connection, JOBS, [row_of(JOBS, job_postings=[{"id": "z"}, {"id": "a"}, {"id": "m"}])])
    assert order() == [(0, "z"), (1, "a"), (2, "m")]
    write(connection, JOBS, [row_of(JOBS, version=2, job_postings=[{"id": "m"}, {"id": "z"}])])
    assert order() == [(0, "m"), (1, "z")]


def test_a_shared_child_is_not_written_again_while_it_stays_the_same(
    connection: Connection, row_of: MakeRow
) -> None:
    question = {"id": "q", "title": "Why?", "format": {"type": "TEXT"}}

    def asked_by(job: str, index: int, **more: Any) -> Row:
        return row_of(JOBS, job, screening_questions=[{**question, "index": index, **more}])

    write(connection, JOBS, [asked_by("a", 1)])
    before = versions(connection, "ats_screening_questions")
    # Its place in another job is the link's, not the question's.
    write(connection, JOBS, [asked_by("b", 9)], now=LATER)
    assert versions(connection, "ats_screening_questions") == before
    assert len(all_rows(connection, "ats_jobs_screening_questions")) == 2
    write(connection, JOBS, [asked_by("b", 9, title="Why not?")], now=LATER)
    [row] = all_rows(connection, "ats_screening_questions")
    assert (row["title"], row["mirrored_at"]) == ("Why not?", LATER)


def test_a_shared_child_stays_when_its_last_parent_lets_it_go(
    connection: Connection, row_of: MakeRow
) -> None:
    write(connection, JOBS, [row_of(JOBS, screening_questions=[{"id": "q"}])])
    write(connection, JOBS, [row_of(JOBS, screening_questions=[])])
    assert [row["id"] for row in all_rows(connection, "ats_screening_questions")] == ["q"]
    assert all_rows(connection, "ats_jobs_screening_questions") == []


@pytest.mark.parametrize("jobs", [("a", "b"), ("b", "a")])
def test_of_parents_in_one_page_the_last_one_says_what_a_shared_child_is(
    connection: Connection, row_of: MakeRow, jobs: tuple[str, str]
) -> None:
    page = [
        row_of(JOBS, job, screening_questions=[{"id": "q", "title": title}])
        for job, title in zip(jobs, ("first", "last"), strict=True)
    ]
    write(connection, JOBS, page)
    assert [row["title"] for row in all_rows(connection, "ats_screening_questions")] == ["last"]


def test_a_deleted_records_links_go_with_its_lists(connection: Connection, row_of: MakeRow) -> None:
    write(connection, EMPLOYEES, [row_of(EMPLOYEES)])
    gone = shell(EMPLOYEES)
    write(connection, EMPLOYEES, [gone])
    assert all_rows(connection, "hris_employees_groups") == []


# --- anonymised records


def shell(model: Model, record_id: str = "record", changed: str = "2026-03-01T00:00:00.000Z") -> Row:
    """What Kombo leaves of a record two weeks after its deletion."""
    members = {name: None for column in model.columns for name in column.source[:1]}
    record = {
        **members,
        "id": record_id,
        "remote_id": "remote",
        "changed_at": changed,
        "remote_deleted_at": DELETED,
    }
    row = project_text(model, msgspec.json.encode(record))
    assert isinstance(row, Row)
    assert row.is_shell
    return row


@every_model
def test_an_anonymised_record_is_blanked_here_too(
    connection: Connection, model: Model, row_of: MakeRow
) -> None:
    write(connection, model, [row_of(model)])
    assert write(connection, model, [shell(model)], now=LATER) == Counts(deleted=1, live=-1, gone=1)
    row = stored(connection, model)
    assert {row[column.name] for column in model.columns} <= {None}
    assert comparable(row["document"])["remote_deleted_at"] == DELETED
    assert (row["first_seen_at"], row["mirrored_at"], row["deleted_by"]) == (NOW, LATER, "kombo")
    for table in (
        *(link.table for link in model.links),
        *(each.table for each in model.children if each.owner),
    ):
        assert all_rows(connection, table) == []


@every_model
def test_an_anonymised_record_keeps_its_last_values_where_that_is_wished(
    connection: Connection, model: Model, row_of: MakeRow
) -> None:
    row = row_of(model)
    write(connection, model, [row])
    before = stored(connection, model)
    parts = [link.table for link in model.links] + [child.table for child in model.children]
    kept = [versions(connection, table) for table in parts]
    assert write(connection, model, [shell(model)], now=LATER, keep=True) == Counts(
        deleted=1, live=-1, gone=1
    )
    after = stored(connection, model)
    changed = {name for name, value in after.items() if value != before[name]}
    assert changed == {"changed_at", "content_hash", "deleted_by", "mirrored_at", "remote_deleted_at"}
    assert (after["deleted_by"], after["mirrored_at"]) == ("kombo", LATER)
    assert after["remote_deleted_at"] == datetime(2026, 2, 1, tzinfo=UTC)
    assert [versions(connection, table) for table in parts] == kept
    assert write(connection, model, [shell(model)], now=LATER, keep=True) == Counts(unchanged=1)


def test_a_shell_that_was_never_seen_whole_is_stored_as_it_is(connection: Connection) -> None:
    assert write(connection, EMPLOYEES, [shell(EMPLOYEES)], keep=True) == Counts(created=1, gone=1)
    assert stored(connection, EMPLOYEES)["deleted_by"] == "kombo"


def test_a_kept_record_that_comes_back_to_life_is_written_whole(
    connection: Connection, row_of: MakeRow
) -> None:
    write(connection, EMPLOYEES, [row_of(EMPLOYEES)])
    write(connection, EMPLOYEES, [shell(EMPLOYEES)], keep=True)
    assert write(connection, EMPLOYEES, [row_of(EMPLOYEES, version=3)], keep=True) == Counts(
        restored=1, live=1, gone=-1
    )
    assert stored(connection, EMPLOYEES)["deleted_by"] is None
    assert len(all_rows(connection, "hris_employees_groups")) == 2


def test_a_deleted_record_that_still_has_its_values_is_no_shell(
    connection: Connection, row_of: MakeRow
) -> None:
    write(connection, EMPLOYEES, [row_of(EMPLOYEES)])
    write(connection, EMPLOYEES, [row_of(EMPLOYEES, version=2, remote_deleted_at=DELETED)], keep=True)
    assert stored(connection, EMPLOYEES)["job_title"].startswith("job_title 2")


# --- swept rows


def sweep(connection: Connection, record_id: str = "record") -> None:
    table = MIRROR["ats_tags"]
    connection.execute(
        update(table).where(table.c.id == record_id).values(remote_deleted_at=NOW, deleted_by="sweep")
    )


def test_a_swept_row_that_is_seen_again_unchanged_comes_back_to_life(
    connection: Connection, row_of: MakeRow
) -> None:
    write(connection, TAGS, [row_of(TAGS)])
    sweep(connection)
    assert write(connection, TAGS, [row_of(TAGS)], now=LATER) == Counts(restored=1, live=1, gone=-1)
    row = stored(connection, TAGS)
    assert (row["remote_deleted_at"], row["deleted_by"]) == (None, None)
    assert (row["first_seen_at"], row["mirrored_at"]) == (NOW, LATER)


def test_a_swept_row_that_kombo_reports_deleted_is_kombos_from_then_on(
    connection: Connection, row_of: MakeRow
) -> None:
    deleted = row_of(TAGS, remote_deleted_at=DELETED)
    write(connection, TAGS, [deleted])
    sweep(connection)
    assert write(connection, TAGS, [deleted]) == Counts(updated=1)
    row = stored(connection, TAGS)
    assert (row["remote_deleted_at"], row["deleted_by"]) == (datetime(2026, 2, 1, tzinfo=UTC), "kombo")
    assert write(connection, TAGS, [deleted]) == Counts(unchanged=1)


# --- pages


def test_a_page_without_records_does_nothing(connection: Connection) -> None:
    assert write(connection, TAGS, []) == Counts()


def test_a_page_of_250_records_counts_each_and_writes_each(connection: Connection, row_of: MakeRow) -> None:
    first = [row_of(EMPLOYEES, f"{number:03}") for number in range(250)]
    assert write(connection, EMPLOYEES, first) == Counts(created=250, live=250)
    second = [
        row_of(
            EMPLOYEES,
            f"{number:03}",
            version=1 + number % 2,
            remote_deleted_at=DELETED if number % 5 == 0 else None,
        )
        for number in range(270)
    ]
    assert write(connection, EMPLOYEES, second, now=LATER) == Counts(
        created=20, updated=100, unchanged=100, deleted=50, live=16 - 50, gone=4 + 50
    )
    table = MIRROR["hris_employees"]
    found = connection.execute(select(table.c.mirrored_at, func.count()).group_by(table.c.mirrored_at))
    numbers = {row[0]: row[1] for row in found}
    assert numbers == {NOW: 100, LATER: 170}
    assert len(all_rows(connection, "hris_employees_groups")) == 540


def test_a_record_twice_in_a_page_counts_once_and_the_last_version_stays(
    connection: Connection, row_of: MakeRow
) -> None:
    page = [row_of(TAGS, version=1), row_of(TAGS, "other"), row_of(TAGS, version=2)]
    assert write(connection, TAGS, page) == Counts(created=2, live=2)
    assert stored(connection, TAGS)["name"].startswith("name 2")


def test_the_same_id_in_two_models_is_two_rows(connection: Connection, row_of: MakeRow) -> None:
    roles = model_named("ats_roles")
    write(connection, TAGS, [row_of(TAGS, "same")])
    write(connection, roles, [row_of(roles, "same")])
    assert write(connection, TAGS, [row_of(TAGS, "same", remote_deleted_at=DELETED)]).deleted == 1
    assert stored(connection, roles, "same")["remote_deleted_at"] is None


def test_a_page_in_a_transaction_that_fails_leaves_nothing(database: Database, row_of: MakeRow) -> None:
    def write_and_fail() -> None:
        with database.begin() as connection:
            write(connection, JOBS, [row_of(JOBS, str(number)) for number in range(20)])
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write_and_fail()
    with database.read() as connection:
        tables = ["ats_jobs", *(link.table for link in JOBS.links), *(child.table for child in JOBS.children)]
        assert [table for table in tables if all_rows(connection, table)] == []


def test_records_moved_by_a_change_during_their_own_walk_are_counted(
    connection: Connection, row_of: MakeRow
) -> None:
    write(connection, TAGS, [row_of(TAGS, "a"), row_of(TAGS, "b"), row_of(TAGS, "c")], now=NOW)
    page = [row_of(TAGS, "a", version=2), row_of(TAGS, "b"), row_of(TAGS, "d")]
    assert write(connection, TAGS, page, now=LATER, began=NOW).moved == 1
    assert write(connection, TAGS, [row_of(TAGS, "c", version=2)], now=LATER, began=LATER).moved == 0


# --- values


def test_text_of_any_length_and_script_is_kept(connection: Connection) -> None:
    words = (
        "Ω😀\u200d👩\u200d👩\u200d👧 \u202eabc עברית 漢字 é e\u0301 \x01\x1f\x7f \\u0000 \\ \" ' %s :x \u2028"
    )
    name = words * 5000
    assert len(name.encode()) > 200_000
    record = {"id": "record", "name": name, "remote_data": {words: [words]}}
    row = project_text(TAGS, msgspec.json.encode(record))
    assert isinstance(row, Row)
    write(connection, TAGS, [row])
    written = stored(connection, TAGS)
    assert written["name"] == name
    assert comparable(written["document"]) == record
    assert comparable(written["remote_data"]) == {words: [words]}


def test_numbers_in_a_document_are_exact(connection: Connection) -> None:
    digits = ("9007199254740993", "123456789012345678901234567890", "0.12345678901234567890123", "1.50")
    raw = '{"id": "record", "weekly_hours": 37.5, "custom_fields": [' + ", ".join(digits) + "]}"
    row = project_text(EMPLOYEES, raw.encode())
    assert isinstance(row, Row)
    write(connection, EMPLOYEES, [row])
    for column in ("document", "custom_fields"):
        statement = text(f"SELECT CAST({column} AS TEXT) FROM hris_employees")
        shown = connection.execute(statement).scalar_one()
        assert all(number in shown for number in digits)
    assert stored(connection, EMPLOYEES)["weekly_hours"] == Decimal("37.5")


def test_a_document_is_kept_as_received_where_the_database_keeps_text(connection: Connection) -> None:
    raw = '{ "z": 1,\n "id": "record", "z2": [ ], "a": "\\u00e9" }'
    row = project_text(TAGS, raw.encode())
    assert isinstance(row, Row)
    write(connection, TAGS, [row])
    document = stored(connection, TAGS)["document"]
    assert document == (raw if connection.dialect.name == "sqlite" else json.loads(raw))


# --- what a database refuses


def raw_row(model: Model, raw: str) -> Row:
    row = project_text(model, raw.encode())
    assert isinstance(row, Row)
    return row


def refuse(connection: Connection, table: str, column: str, value: str) -> None:
    """Make the database refuse a value, as it does with some that nobody foresaw."""
    if connection.dialect.name == "sqlite":
        connection.execute(
            text(
                f"CREATE TRIGGER refuse BEFORE INSERT ON {table} WHEN new.{column} = '{value}' "
                f"BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            )
        )
    else:
        connection.execute(
            text(f"ALTER TABLE {table} ADD CONSTRAINT \"not this one\" CHECK ({column} <> '{value}')")
        )


@pytest.mark.parametrize("where", [0, 3, 249])
def test_a_value_that_the_database_refuses_costs_its_own_row_alone(
    database: Database, row_of: MakeRow, where: int
) -> None:
    page = [row_of(EMPLOYEES, f"{number:03}") for number in range(249)]
    page.insert(where, raw_row(EMPLOYEES, '{"id": "bad", "first_name": "Zoë", "job_title": "refused"}'))
    with database.begin() as connection:
        refuse(connection, "hris_employees", "job_title", "refused")
    with database.begin() as connection:
        written = write_page(
            connection, model_destination(EMPLOYEES, "tool:one"), page, now=NOW, walk_began_at=NOW
        )
    with database.read() as connection:
        ids = {row["id"] for row in all_rows(connection, "hris_employees")}
        assert ids == {row.id for row in page} - {"bad"}
        assert len(all_rows(connection, "hris_employees_groups")) == 2 * 249
    assert written.counts == Counts(created=249, live=249)
    [poison] = written.poisons
    assert poison.id == "bad"
    assert poison.reason.startswith("the database refuses it: ")
    assert ("not this one" if database.is_sqlite else "violates check constraint") in poison.reason
    assert "\n" not in poison.reason
    assert poison.document == '{"id": "bad", "first_name": "Zo\\u00eb", "job_title": "refused"}'


@pytest.mark.parametrize("where", [{0, 1, 2, 7, 8, 30, 39}, set(range(40)), {39}])
def test_refused_rows_are_found_however_many_there_are(
    connection: Connection, row_of: MakeRow, where: set[int]
) -> None:
    refuse(connection, "ats_tags", "name", "refused")
    page = [row_of(TAGS, f"{at:03}", **({"name": "refused"} if at in where else {})) for at in range(40)]
    written = write_page(connection, model_destination(TAGS, "tool:one"), page, now=NOW, walk_began_at=NOW)
    assert [poison.id for poison in written.poisons] == [f"{at:03}" for at in sorted(where)]
    assert written.counts == Counts(created=40 - len(where), live=40 - len(where))
    assert len(all_rows(connection, "ats_tags")) == 40 - len(where)


def test_what_the_mirror_has_of_a_refused_record_stays(connection: Connection, row_of: MakeRow) -> None:
    refuse(connection, "ats_jobs", "name", "refused")
    write(connection, JOBS, [row_of(JOBS)])
    tables = ["ats_jobs", *(link.table for link in JOBS.links), *(child.table for child in JOBS.children)]
    before = [all_rows(connection, table) for table in tables]
    worse = row_of(JOBS, version=2, name="refused", remote_deleted_at=DELETED)
    written = write_page(
        connection, model_destination(JOBS, "tool:one"), [worse], now=LATER, walk_began_at=LATER
    )
    assert written.counts == Counts()
    assert [poison.id for poison in written.poisons] == ["record"]
    assert [all_rows(connection, table) for table in tables] == before


def test_a_refused_record_goes_into_quarantine_and_heals_when_the_database_takes_it(
    connection: Connection, row_of: MakeRow
) -> None:
    refuse(connection, "ats_tags", "name", "refused")
    key = StreamKey("tool:one", "ats_tags")
    for page in ([row_of(TAGS, "a"), row_of(TAGS, "b", name="refused")], [row_of(TAGS, "b", name="taken")]):
        written = write_page(
            connection, model_destination(TAGS, key.integration_id), page, now=NOW, walk_began_at=NOW
        )
        keep_in_quarantine(
            connection, "default", key, "run", NOW, written.poisons, page, {row.id for row in page}
        )
        assert quarantined(connection, "default", key) == len(written.poisons)
    assert [row["name"] for row in all_rows(connection, "ats_tags")][1] == "taken"


@pytest.mark.parametrize("part", ["ats_jobs_stages", "ats_job_postings", "ats_screening_questions"])
def test_a_value_refused_in_a_link_or_a_child_refuses_the_whole_record(
    connection: Connection, row_of: MakeRow, part: str
) -> None:
    column = {"ats_jobs_stages": "application_stage_id"}.get(part, "id")
    refuse(connection, part, column, "refused")
    member = part.removeprefix("ats_jobs_").removeprefix("ats_")
    page = [row_of(JOBS, "a"), row_of(JOBS, "bad", **{member: [{"id": "refused"}]}), row_of(JOBS, "c")]
    written = write_page(connection, model_destination(JOBS, "tool:one"), page, now=NOW, walk_began_at=NOW)
    assert [poison.id for poison in written.poisons] == ["bad"]
    assert [row["id"] for row in all_rows(connection, "ats_jobs")] == ["a", "c"]
    assert {row["job_id"] for row in all_rows(connection, "ats_jobs_stages")} == {"a", "c"}


def test_a_text_too_long_for_an_index_costs_its_own_column_alone(
    connection: Connection, row_of: MakeRow
) -> None:
    endless = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=200_000))
    record = {**json.loads(row_of(EMPLOYEES, "long").document), "remote_id": endless}
    long = project_text(EMPLOYEES, json.dumps(record).encode())
    assert isinstance(long, Row)
    page = [row_of(EMPLOYEES, "a"), long, row_of(EMPLOYEES, "z")]
    written = write_page(
        connection, model_destination(EMPLOYEES, "tool:one"), page, now=NOW, walk_began_at=NOW
    )
    assert (written.counts.created, written.counts.quarantined, written.poisons) == (3, 1, [])
    rows = {row["id"]: row for row in all_rows(connection, "hris_employees")}
    assert rows.keys() == {"a", "long", "z"}
    assert rows["long"]["remote_id"] is None
    document = rows["long"]["document"]
    whole = json.loads(document) if isinstance(document, str) else document
    assert whole["remote_id"] == endless
    (note,) = long.notes
    assert "remote_id" in note
    assert "index" in note


def test_900_emoji_in_an_indexed_column_cost_the_column_and_not_the_record(
    connection: Connection, row_of: MakeRow
) -> None:
    faces = "".join(random.Random(7).choices([chr(code) for code in range(0x1F600, 0x1F640)], k=900))
    assert len(faces) < INDEXED_BYTES < len(faces.encode())
    record = {**json.loads(row_of(EMPLOYEES, "record").document), "remote_id": faces, "first_name": faces}
    row = project_text(EMPLOYEES, json.dumps(record).encode())
    assert isinstance(row, Row)
    written = write_page(
        connection, model_destination(EMPLOYEES, "tool:one"), [row], now=NOW, walk_began_at=NOW
    )
    assert (written.counts.created, written.counts.quarantined, written.poisons) == (1, 1, [])
    kept = stored(connection, EMPLOYEES)
    assert (kept["remote_id"], kept["first_name"]) == (None, faces)


def test_the_longest_text_that_an_index_takes_keeps_its_column(
    connection: Connection, row_of: MakeRow
) -> None:
    longest = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=INDEXED_BYTES))
    row = row_of(EMPLOYEES, "a", remote_id=longest, work_email=longest, manager_id=longest)
    assert row.notes == ()
    assert (
        write_page(
            connection, model_destination(EMPLOYEES, "tool:one"), [row], now=NOW, walk_began_at=NOW
        ).poisons
        == []
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [("weekly_hours", Decimal("1e400000")), ("custom_fields", '{"n": 1e400000}'), ("ssn", "a\0b")],
)
def test_what_postgresql_cannot_hold_costs_its_own_row_alone(
    shared_postgres: Database, row_of: MakeRow, column: str, value: object
) -> None:
    row = row_of(EMPLOYEES, "bad")
    bad = replace(row, values={**row.values, column: value})
    with shared_postgres.begin() as connection:
        page = [row_of(EMPLOYEES, "a"), bad]
        written = write_page(
            connection, model_destination(EMPLOYEES, "tool:one"), page, now=NOW, walk_began_at=NOW
        )
        connection.rollback()
    assert [poison.id for poison in written.poisons] == ["bad"]
    assert written.counts == Counts(created=1, live=1)


def test_trouble_with_the_database_refuses_no_rows(connection: Connection, row_of: MakeRow) -> None:
    """A fault that has nothing to do with the values stops the page; nothing is put down to a record."""
    connection.execute(text("DROP VIEW ats_tags_live"))
    connection.execute(text("ALTER TABLE ats_tags DROP COLUMN name"))
    with pytest.raises(DBAPIError, match="name"):
        write(connection, TAGS, [row_of(TAGS)])


def test_a_row_that_vanished_is_created_again(connection: Connection, row_of: MakeRow) -> None:
    write(connection, TAGS, [row_of(TAGS)])
    connection.execute(delete(MIRROR["ats_tags"]))
    assert write(connection, TAGS, [row_of(TAGS)], now=LATER) == Counts(created=1, live=1)
    assert stored(connection, TAGS)["first_seen_at"] == LATER
