"""HiBob's search for employees: a list that is asked for with POST and comes whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncer.simulator.company.records import Record
from syncer.simulator.tools.call import NativeCall, NativeReply, day, has_left

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


def search(call: NativeCall) -> NativeReply:
    """All that fit, without pages; apidocs.hibob.com, "People read API contract".

    Fields that HiBob does not have are left out without a word. Who has left is found with ``showInactive``.
    """
    asked = call.data if isinstance(call.data, dict) else {}
    filters, fields = asked.get("filters") or [], asked.get("fields") or list(_FIELDS)
    if not all(_is_filter(each) for each in filters):
        return NativeReply(400, {"error": "filters: not supported", "key": "bad.request", "args": {}})
    found = [
        each
        for each in call.live("hris_employees")
        if (asked.get("showInactive") is True or not has_left(each)) and _fits(each, filters)
    ]
    return NativeReply(200, {"employees": [_shown(call, each, fields) for each in found]})


def _is_filter(filter: Any) -> bool:
    return (
        isinstance(filter, dict)
        and filter.get("fieldPath") in _FILTERS
        and filter.get("operator") == "equals"
        and isinstance(filter.get("values"), list)
    )


def _fits(employee: Record, filters: list[Row]) -> bool:
    return all(employee.fields.get(_FILTERS[each["fieldPath"]]) in each["values"] for each in filters)


def _shown(call: NativeCall, employee: Record, fields: list[str]) -> dict[str, Any]:
    """``{"id": "5", "work": {"title": …}}``"""
    row = call.company.row("hris_employees", employee.id)
    shown: dict[str, Any] = {}
    for field in fields:
        if field in _FIELDS:
            category, _, name = field.partition(".")
            into = shown if category == "root" else shown.setdefault(category, {})
            into[name] = _FIELDS[field](row)
    return shown
