"""What Kombo blanks is blanked in every copy, too, and leaves SQLite's files while they are in use."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, inspect, make_url, select, text

from syncer.domain.records.blank import SHELL_MEMBERS
from syncer.domain.streams.stream import Kind, Mode
from syncer.store.schema.feed_tables import changes
from syncer.store.schema.mirror_tables import MIRROR
from syncer.store.schema.state_tables import quarantine
from tests.support.world import MakeWorld, World, company_of

MODELS = ["hris_employees", "hris_payslips", "hris_performance_reviews", "hris_employments"]
EMAIL, FIRST_NAME = "zenzi.quast@firm.example", "Zenziquast"


def everything(world: World) -> str:
    """Every value of every table and, on SQLite, all bytes of the files, which somebody has open."""
    with world.database() as connection:
        rows = [
            str(tuple(row))
            for table in inspect(connection).get_table_names()
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]
        if world.database_url.startswith("sqlite"):
            path = Path(make_url(world.database_url).database or "")
            rows += [part.read_bytes().decode(errors="replace") for part in path.parent.glob(f"{path.name}*")]
    return "\n".join(rows)


def carrying(world: World, model: str, member: str) -> str:
    """The employee whom most records of the model carry at this member."""
    records = world.source(model, company_of(world)).values()
    carried = [str(each[member]["id"]) for each in records if each[member]]
    return max(set(carried), key=carried.count)


async def mirror_somebody(make_world: MakeWorld, **settings: Any) -> tuple[World, str]:
    """A mirror of an employee with payslips, copied into them, the feed and the quarantine; and who it is."""
    world = make_world(sync={"models": MODELS}, **settings)
    company = company_of(world)
    somebody = carrying(world, "hris_payslips", "employee")
    company.update("hris_employees", somebody, work_email=EMAIL, first_name=FIRST_NAME)
    await world.sync(mode=Mode.BACKFILL)
    with world.mirror.open() as (database, connection):
        payslips = MIRROR["hris_payslips"]
        one = connection.execute(
            select(payslips.c.id, payslips.c.document).where(payslips.c.employee_id == somebody)
        ).first()
        assert one is not None
        document = one.document if isinstance(one.document, str) else json.dumps(one.document)
        (integration_id,) = world.environment.integrations
        now = database.now(connection)
        of_stream = {"environment": "default", "integration_id": integration_id, "model": "hris_payslips"}
        entry = {"record_key": one.id, "reason": "made up", "document": document, "run_id": "1"}
        connection.execute(
            insert(quarantine).values(**of_stream, **entry, first_seen_at=now, last_seen_at=now)
        )
        change = {"sequence": 1, "at": now, "record_id": one.id, "operation": "updated", "before": document}
        connection.execute(insert(changes).values(**of_stream, **change))
    assert everything(world).count(EMAIL) > 3
    return world, somebody


async def blank(world: World, somebody: str) -> None:
    """The tool deletes the employee, and Kombo blanks the record 14 days later."""
    company_of(world).delete("hris_employees", somebody)
    await world.sync(may_quarantine=True)
    world.clock.advance(timedelta(days=15))
    # The first of the models only: no other list is read again.
    (result,) = await world.sync(models=["hris_employees"])
    assert result.kind is Kind.INCREMENTAL


async def test_copies_of_a_blanked_record_are_blanked_with_it(make_world: MakeWorld) -> None:
    world, somebody = await mirror_somebody(make_world, history={"models": MODELS})
    (integration_id,) = world.environment.integrations
    before = world.rows("hris_payslips", integration_id)
    with world.mirror.open() as (_, connection):
        # Somebody uses the database all the time.
        connection.execute(text("SELECT 1"))
        connection.commit()
        await blank(world, somebody)
        async with world.app() as app:
            # The service does it once a day.
            assert await app.database.overwrite_removed() is app.database.is_sqlite
        left = everything(world)
    assert EMAIL not in left
    assert FIRST_NAME not in left
    # The id that joins stays, and so does all else.
    for key, kept in world.rows("hris_payslips", integration_id).items():
        is_copy = before[key]["employee"] is not None and before[key]["employee"]["id"] == somebody
        assert {**kept, "employee": None} == {**before[key], "employee": None}
        assert (kept["employee"] == before[key]["employee"]) is not is_copy
        said = {name for name, value in (kept["employee"] or {}).items() if value is not None}
        assert not is_copy or said <= SHELL_MEMBERS
    with world.database() as connection:
        joined = select(MIRROR["hris_payslips"].c.id).where(MIRROR["hris_payslips"].c.employee_id == somebody)
        assert connection.execute(joined).all()


async def test_where_last_values_are_kept_copies_are_kept_too(make_world: MakeWorld) -> None:
    world, somebody = await mirror_somebody(make_world, deletions={"after_anonymisation": "keep"})
    await blank(world, somebody)
    assert everything(world).count(EMAIL) > 3
