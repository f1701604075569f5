"""Worlds with lists that the catalogue lacks, and reads of what is mirrored of them."""

from __future__ import annotations

import json
from typing import Any

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Stream
from syncer.simulator.company.company import Company
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from tests.support.world import MakeWorld, World

SHIFTS, CLAIMS, POOLS = "hris_shifts", "hris_expense_claims", "ats_talent_pools"


def block(name: str, **parts: Any) -> dict[str, Any]:
    """Configure one of the simulator's extra lists."""
    return {"name": name, "path": EXTRA_LISTS[name].path, **parts}


def shifts(**parts: Any) -> dict[str, Any]:
    """Configure the shifts, with columns."""
    columns = {
        "status": "text",
        "starts_at": "timestamp",
        "hours": "number",
        "who": {"type": "text", "path": "employee.remote_id"},
    }
    return block(SHIFTS, columns=columns, **parts)


def added_world(make_world: MakeWorld, *lists: dict[str, Any], records: int = 40, **settings: Any) -> World:
    """Make a company that has these extra lists, with so many records each, and mirror them alone."""
    names = [each["name"] for each in lists]
    world = make_world(records=150, lists=list(lists), sync={"models": names}, **settings)
    for name in names:
        world.environment.add_list(name, records)
    return world


def company(world: World) -> Company:
    (only,) = world.environment.companies.values()
    return only


def view(world: World, name: str) -> dict[str, dict[str, Any]]:
    """Read a list's view: its rows by id."""
    with world.database() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM {name}").mappings().all()
    rows = {}
    for row in found:
        document = row["document"]
        rows[row["id"]] = {**row, "document": json.loads(document) if isinstance(document, str) else document}
    return rows


def stream(world: World, name: str) -> Stream:
    return world.streams()[StreamKey(company(world).integration_id, name)]


def assert_equal(world: World, name: str) -> None:
    """Fail unless the mirror holds exactly what the source lists."""
    rows = view(world, name)
    documents = {id: row["document"] for id, row in rows.items() if row["deleted_by"] != "sweep"}
    assert documents == {each["id"]: each for each in company(world).rows(name)}
    for row in rows.values():
        if row["deleted_by"] != "sweep":
            assert (row["remote_deleted_at"] is None) == (row["document"]["remote_deleted_at"] is None)
