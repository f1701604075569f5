"""Personio: employees with their labelled attributes, pictures, documents, and the feed of its job board."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from xml.etree import ElementTree

from syncer.simulator.company.records import Record
from syncer.simulator.tools.call import NativeCall, NativeReply

_LIMIT, _MOST = 50, 200
#: A picture of one pixel.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63606060f80f00010401005fe5c34b0000000049454e44ae426082"
)
_ATTRIBUTES = (
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("work_email", "Email"),
    ("employment_status", "Status"),
    ("job_title", "Position"),
    ("weekly_hours", "Weekly working hours"),
    ("start_date", "Hire date"),
)


def personnel(call: NativeCall) -> NativeReply:
    """Answer a call of https://api.personio.de/v1."""
    match call.route:
        case ("GET", "company", "employees"):
            return _employees(call)
        case ("GET", "company", "employees", id):
            employee = call.employee(id)
            return _missing() if employee is None else _success(_shown(employee))
        case ("GET", "company", "employees", id, "profile-picture", _):
            return (
                _missing()
                if call.employee(id) is None
                else NativeReply(200, PICTURE, {"content-type": "image/png"})
            )
        case ("POST", "company", "documents"):
            return _add_document(call)
        case _:
            return _missing()


def jobboard(call: NativeCall) -> NativeReply:
    """Answer a call of https://{company}.jobs.personio.de."""
    if call.route != ("GET", "xml"):
        return NativeReply(404, "<html><title>404</title></html>", {"content-type": "text/html"})
    feed = ElementTree.Element("workzag-jobs")
    for job in call.live("ats_jobs"):
        position = ElementTree.SubElement(feed, "position")
        ElementTree.SubElement(position, "id").text = str(job.fields["remote_id"])
        ElementTree.SubElement(position, "name").text = job.fields["name"]
    text = ElementTree.tostring(feed, encoding="unicode")
    return NativeReply(
        200, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}', {"content-type": "application/xml"}
    )


def _employees(call: NativeCall) -> NativeReply:
    """Answer with one page; those who have left are among them. developer.personio.de, "List Employees"."""
    limit = min(max(1, call.number("limit", _LIMIT)), _MOST)
    offset = call.number("offset", 0)
    employees = list(call.live("hris_employees"))
    wanted = call.values("attributes[]")
    page = [_shown(each, wanted) for each in employees[offset : offset + limit]]
    metadata = {
        "total_elements": len(employees),
        "current_page": offset // limit,
        "total_pages": -(-len(employees) // limit),
    }
    return _success(page, metadata=metadata, offset=offset, limit=limit)


def _shown(employee: Record, wanted: Collection[str] = ()) -> dict[str, Any]:
    """Show the employee with the wanted attributes, or with all; the id is always there."""
    fields = employee.fields
    attributes = {"id": {"label": "ID", "value": int(fields["remote_id"]), "type": "integer"}}
    for name, label in _ATTRIBUTES:
        if wanted and name not in wanted:
            continue
        kind = "date" if name.endswith("_date") else "decimal" if name.endswith("_hours") else "standard"
        attributes[name] = {"label": label, "value": fields.get(name), "type": kind}
    return {"type": "Employee", "attributes": attributes}


def _add_document(call: NativeCall) -> NativeReply:
    missing = [name for name in ("title", "employee_id", "category_id", "file") if name not in call.form]
    if missing:
        return _failure(400, f"The {missing[0]} field is required.")
    if call.employee(str(call.form["employee_id"])) is None:
        return _failure(404, "Employee not found")
    return _success({"title": call.form["title"], "size": len(call.form["file"])})


def _success(data: Any, **beside: Any) -> NativeReply:
    return NativeReply(200, {"success": True, "data": data, **beside})


def _missing() -> NativeReply:
    return _failure(404, "The requested resource was not found")


def _failure(status: int, message: str) -> NativeReply:
    return NativeReply(status, {"success": False, "error": {"code": 0, "message": message}})
