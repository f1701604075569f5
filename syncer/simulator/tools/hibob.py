"""HiBob: a search for employees, their work history, and a new entry in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncer.simulator.company.records import Record
from syncer.simulator.tools.call import NativeCall, NativeReply, day, has_left

_LIMIT, _MOST = 50, 200

Row = Mapping[str, Any]

#: What a search may ask for, by the id of the field. Those of ``root`` are members of the employee itself.
_FIELDS: Mapping[str, Callable[[Row], Any]] = {
    "root.id": lambda row: row["remote_id"],
    "root.firstName": lambda row: row.get("first_name"),
    "root.surname": lambda row: row.get("last_name"),
    "root.displayName": lambda row: row.get("display_full_name"),
    "root.email": lambda row: row.get("work_email"),
    "work.title": lambda row: row.get("job_title"),
    "work.startDate": lambda row: day(row.get("start_date")),
    "work.site": lambda row: row["work_location"] and row["work_location"]["name"],
    "work.department": lambda row: next((each["name"] for each in row["groups"]), None),
    "internal.status": lambda row: "Inactive" if row.get("employment_status") == "INACTIVE" else "Active",
}
#: The fields that a filter can name, by the member of the record that it is compared with.
_FILTERS = {"root.id": "remote_id", "root.email": "work_email"}


def v1(call: NativeCall) -> NativeReply:
    """Answer a call of https://api.hibob.com/v1."""
    match call.route:
        case ("GET", "bulk", "people", "work"):
            return _bulk_work(call)
        case ("GET", "people", id, "work"):
            employee = call.employee(id)
            return _no_one(id) if employee is None else NativeReply(200, {"values": _history(call, employee)})
        case ("POST", "people", "search"):
            return _search(call)
        case ("POST", "people", id, "work"):
            return _add_work(call, id)
        case _:
            return NativeReply(404, {"error": "endpoint not found", "key": "not.found", "args": {}})


def _bulk_work(call: NativeCall) -> NativeReply:
    """Answer with one page, as its cursor says; apidocs.hibob.com, "Pagination"."""
    limit, start = call.number("limit", _LIMIT), call.number("cursor", 0)
    if not 0 < limit <= _MOST:
        return NativeReply(400, {"error": f"limit: at most {_MOST}", "key": "bad.request", "args": {}})
    wanted = set(call.query.get("employeeIds", "").split(",")) - {""}
    employees = [
        each for each in call.live("hris_employees") if not wanted or each.fields["remote_id"] in wanted
    ]
    page = employees[start : start + limit]
    more = start + limit < len(employees)
    return NativeReply(
        200,
        {
            "response_metadata": {"next_cursor": str(start + limit) if more else None},
            "results": [
                {"employeeId": each.fields["remote_id"], "values": _history(call, each)} for each in page
            ],
        },
    )


def _history(call: NativeCall, employee: Record) -> list[dict[str, Any]]:
    """List an employee's entries, the newest first. Ids stay when others come or go."""
    row = call.company.row("hris_employees", employee.id)
    entries = [each for each in row["employments"] if each["remote_deleted_at"] is None]
    entries.sort(key=lambda each: each["effective_date"] or "", reverse=True)
    group = next(iter(row["groups"]), None)
    site, manager = row["work_location"], row["manager"]
    return [
        {
            "id": _entry_id(call, entry["id"]),
            "effectiveDate": day(entry["effective_date"]),
            "activeEffectiveDate": day(entry["effective_date"]),
            "isCurrent": place == 0,
            "title": entry["job_title"],
            "department": group and group["name"],
            "site": site and site["name"],
            "reportsTo": manager
            and {
                "id": manager["remote_id"],
                "firstName": manager["first_name"],
                "surname": manager["last_name"],
                "email": manager.get("work_email"),
            },
            "changeReason": None,
            "customColumns": {},
        }
        for place, entry in enumerate(entries)
    ]


def _add_work(call: NativeCall, id: str) -> NativeReply:
    employee = call.employee(id)
    if employee is None:
        return _no_one(id)
    body = call.data if isinstance(call.data, dict) else {}
    if not isinstance(body.get("effectiveDate"), str):
        return NativeReply(400, {"error": "effectiveDate is required", "key": "bad.request", "args": {}})
    number = call.company.next_number("hris_employments")
    entry_id = call.company.add(
        "hris_employments",
        {
            "employee_id": employee.id,
            "job_title": body.get("title"),
            "effective_date": f"{body['effectiveDate']}T00:00:00.000Z",
        },
        remote_id=f"{id}|{number}",
    )
    call.company.update("hris_employees", employee.id, job_title=body.get("title"))
    return NativeReply(200, {"id": _entry_id(call, entry_id)})


def _entry_id(call: NativeCall, employment_id: str) -> int:
    return 7_000_000 + call.company.tables.of("hris_employments")[employment_id].place


def _no_one(id: str) -> NativeReply:
    return NativeReply(404, {"error": f"employee {id} not found", "key": "employee.not.found", "args": {}})


def _search(call: NativeCall) -> NativeReply:
    """Answer with all that fit, without pages; apidocs.hibob.com, "People read API contract".

    Fields that HiBob does not have are left out without a word. Who has left is found with ``showInactive``.
    """
    body = call.data if isinstance(call.data, dict) else {}
    filters, fields = body.get("filters") or [], body.get("fields") or list(_FIELDS)
    if not all(_is_filter(each) for each in filters):
        return NativeReply(400, {"error": "filters: not supported", "key": "bad.request", "args": {}})
    found = [
        each
        for each in call.live("hris_employees")
        if (body.get("showInactive") is True or not has_left(each)) and _fits(each, filters)
    ]
    return NativeReply(200, {"employees": [_found(call, each, fields) for each in found]})


def _is_filter(filter: Any) -> bool:
    return (
        isinstance(filter, dict)
        and filter.get("fieldPath") in _FILTERS
        and filter.get("operator") == "equals"
        and isinstance(filter.get("values"), list)
    )


def _fits(employee: Record, filters: list[Row]) -> bool:
    return all(employee.fields.get(_FILTERS[each["fieldPath"]]) in each["values"] for each in filters)


def _found(call: NativeCall, employee: Record, fields: list[str]) -> dict[str, Any]:
    """Nest the fields by category: ``{"id": "5", "work": {"title": …}}``."""
    row = call.company.row("hris_employees", employee.id)
    shown: dict[str, Any] = {}
    for field in fields:
        if field in _FIELDS:
            category, _, name = field.partition(".")
            into = shown if category == "root" else shown.setdefault(category, {})
            into[name] = _FIELDS[field](row)
    return shown
