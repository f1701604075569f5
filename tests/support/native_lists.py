"""Native lists in every style of paging, and reads of what is mirrored of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from syncer.domain.stream_key import StreamKey
from syncer.domain.streams.stream import Mode, Stream
from syncer.simulator.company.company import Company
from syncer.simulator.server.request_log import RequestInfo
from syncer.sync.context import Result
from tests.support.world import World

EMPLOYEES = "hris_employees"
HISTORY, ENTRIES, PEOPLE = "work_history", "work_entries", "people"


def history(limit: int = 5, **parts: Any) -> dict[str, Any]:
    """Configure the work histories of HiBob's employees, by cursor."""
    return {
        "name": HISTORY,
        "tool": "hibob/v1",
        "request": {"path": "/bulk/people/work", "params": {"limit": limit}},
        "records": "results",
        "key": ["employeeId"],
        "page": {"style": "cursor", "param": "cursor", "next": "response_metadata.next_cursor"},
        "columns": {
            "title": {"type": "text", "path": "values[0].title"},
            "since": {"type": "date", "path": "values[0].effectiveDate"},
            "entries": {"type": "integer", "path": "length(values)"},
            "values": "json",
        },
        **parts,
    }


def entries(**parts: Any) -> dict[str, Any]:
    """Configure the entries of the work history of each of HiBob's employees."""
    return {
        "name": ENTRIES,
        "tool": "hibob/v1",
        "request": {"path": "/people/{remote_id}/work"},
        "for_each": {"table": "hris_employees_live", "param": "remote_id"},
        "records": "values",
        "key": ["for_each.remote_id", "id"],
        "columns": {"title": "text", "current": {"type": "boolean", "path": "isCurrent"}},
        **parts,
    }


def people(**parts: Any) -> dict[str, Any]:
    """Configure HiBob's employees as a search by POST finds them."""
    return {
        "name": PEOPLE,
        "tool": "hibob/v1",
        "request": {
            "method": "POST",
            "path": "/people/search",
            "data": {"fields": ["root.id", "root.email", "work.title"], "showInactive": True},
        },
        "records": "employees",
        "key": ["id"],
        "columns": {"email": "text", "title": {"type": "text", "path": "work.title"}},
        **parts,
    }


#: Lists in the other styles of paging, each with what it lists.
PAGED: dict[str, tuple[str, dict[str, Any]]] = {
    "offset": (
        EMPLOYEES,
        {
            "name": "personio_people",
            "tool": "personio/personnel",
            "request": {"path": "/company/employees", "params": {"limit": 4}},
            "records": "data",
            "key": ["attributes.id.value"],
            "page": {"style": "offset", "param": "offset", "total": "metadata.total_elements"},
        },
    ),
    "page": (
        "ats_candidates",
        {
            "name": "numbered_candidates",
            "tool": "teamtailor/v1",
            "request": {"path": "/candidates", "params": {"page[size]": 4}},
            "records": "data",
            "key": ["id"],
            "page": {"style": "page", "param": "page[number]", "total": 'meta."page-count"'},
        },
    ),
    "link": (
        "ats_candidates",
        {
            "name": "linked_candidates",
            "tool": "teamtailor/v1",
            "request": {"path": "/candidates", "params": {"page[size]": 4}},
            "records": "data",
            "key": ["id"],
            "page": {"style": "link", "next": "links.next"},
        },
    ),
    "header": (
        "ats_candidates",
        {
            "name": "header_candidates",
            "tool": "greenhouse/harvest",
            "request": {"path": "/candidates", "params": {"per_page": 4}},
            "records": "@",
            "key": ["id"],
            "page": {"style": "link"},
        },
    ),
    "cursor": (EMPLOYEES, history()),
}
#: A list of several pages for each employee, which is the same for all of them.
PAGED_EACH = {
    **PAGED["offset"][1],
    "name": "paged_each",
    "for_each": {"table": "hris_employees_live", "param": "asked_for", "column": "remote_id"},
    "key": ["for_each.asked_for", "attributes.id.value"],
}


def tool_of(listed: dict[str, Any]) -> str:
    """Name the tool that has the list."""
    return str(listed["tool"].partition("/")[0])


def company(world: World, tool: str = "hibob") -> Company:
    """Find the company that uses the tool."""
    return next(each for id, each in world.environment.companies.items() if id.startswith(f"{tool}:"))


def remote_ids(world: World, tool: str = "hibob", model: str = EMPLOYEES) -> list[str]:
    """List the tool's own ids of what it lists now."""
    firm = company(world, tool)
    return [str(firm.tables.of(model)[id].fields["remote_id"]) for id in firm.ids(model)]


def id_of(world: World, remote_id: str, tool: str = "hibob") -> str:
    """Give Kombo's id of the employee."""
    return company(world, tool).id_for(remote_id)


async def only(world: World, name: str, mode: Mode = Mode.SYNC, **changes: Any) -> Result:
    """Do one pass over the only stream of that name."""
    (result,) = await world.run(mode, models=[name], **changes)
    return result


def stream(world: World, name: str) -> Stream:
    """Read the only stream of that name."""
    streams: dict[StreamKey, Stream] = world.streams()
    (found,) = (each for each in streams.values() if each.model == name)
    return found


def asked(world: World, since: int = 0) -> list[RequestInfo]:
    """List the calls of tools, from one request on."""
    return [each for each in list(world.environment.requests)[since:] if each.call is not None]


def places(world: World, since: int = 0) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """List the calls with their parameters: each as often as it was asked for."""
    return [(str(each.call), tuple(sorted(each.params.items()))) for each in asked(world, since)]


def select(world: World, statement: str) -> list[tuple[Any, ...]]:
    """Read rows of a query in SQL."""
    with world.database() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement)]


def view(world: World, name: str) -> dict[str, dict[str, Any]]:
    """Read the rows of a view by the records' keys; documents decoded, moments in UTC."""
    with world.database() as connection:
        found = connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings()
        return {row["record_key"]: dict(_read(row)) for row in found}


def _read(row: Any) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name == "document" and isinstance(value, str):
            yield name, json.loads(value)
        elif name.endswith("_at") and value is not None:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else value
            yield name, moment.astimezone(UTC)
        else:
            yield name, value
