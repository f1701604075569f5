"""Workday: compensation plans and workers by REST, workers by SOAP and as a report."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from syncer.simulator.company.ids import kombo_id
from syncer.simulator.company.records import Record
from syncer.simulator.tools import soap as wire
from syncer.simulator.tools.call import NativeCall, NativeReply, day, has_left

_NAMESPACE = "urn:com.workday/bsvc"
_LIMIT, _MOST = 20, 100
_PLANS = ("Salary Plan", "Hourly Plan", "Annual Bonus", "Sales Commission", "Car Allowance", "Stock Grant")
_COLUMNS = ("Employee_ID", "Worker", "Business_Title", "Hire_Date")


def rest(call: NativeCall) -> NativeReply:
    """Answer a call of https://{domain}/api/{service_name}/{version}/{tenant}."""
    version = call.options.get("version", "v1")
    match (call.options["service_name"], *call.route):
        case ("compensation", "GET", "compensationPlans"):
            return _page(call, [_reference(call, version, name, name) for name in _PLANS])
        case ("staffing", "GET", "workers"):
            all_of_them = call.query.get("includeTerminatedWorkers") == "true"
            workers = [
                _reference(call, version, each.id, _name(each))
                | {"businessTitle": each.fields.get("job_title")}
                for each in call.live("hris_employees")
                if all_of_them or not has_left(each)
            ]
            return _page(call, workers)
        case _:
            return NativeReply(404, {"error": "invalid request: resource not found", "code": "A0001"})


def custom_report(call: NativeCall) -> NativeReply:
    """Answer a call of https://{domain}/ccx/service/customreport2/{tenant}/ for a report of workers.

    Owner and name of the report are any; ``format`` is json or csv, and XML otherwise.
    """
    if call.method != "GET" or len(call.route) != 3:
        return NativeReply(404, "<html><title>Not Found</title></html>", {"content-type": "text/html"})
    rows = [_reported(each) for each in call.live("hris_employees")]
    if call.query.get("format") == "csv":
        return NativeReply(200, _csv(rows), {"content-type": "text/csv;charset=utf-8"})
    # What is empty is not there at all.
    entries = [{name: text for name, text in row.items() if text} for row in rows]
    if call.query.get("format") == "json":
        return NativeReply(200, {"Report_Entry": entries})
    return wire.answer("Report_Data", f"urn:com.workday.report/{call.route[2]}", {"Report_Entry": entries})


def soap(call: NativeCall) -> NativeReply:
    """Answer a call of https://{domain}/ccx/service/{tenant}/{service_name}."""
    request = wire.operation(call.data)
    if request is None:
        return wire.fault("SOAP-ENV:Client.validationError", "Validation error occurred. Invalid XML.")
    name = wire.local_name(request)
    if (call.options["service_name"], name) != ("Human_Resources", "Get_Workers_Request"):
        return wire.fault("SOAP-ENV:Client.validationError", f"Validation error occurred. {name} is unknown.")
    page = max(1, wire.number(request, "Page", 1))
    count = min(max(1, wire.number(request, "Count", 100)), 999)
    only_active = wire.text(request, "Exclude_Inactive_Workers") in ("1", "true")
    workers = [each for each in call.live("hris_employees") if not (only_active and has_left(each))]
    shown = workers[(page - 1) * count : page * count]
    return wire.answer(
        "Get_Workers_Response",
        _NAMESPACE,
        {
            "Response_Results": {
                "Total_Results": str(len(workers)),
                "Total_Pages": str(-(-len(workers) // count)),
                "Page_Results": str(len(shown)),
                "Page": str(page),
            },
            "Response_Data": {"Worker": [_worker(each) for each in shown]},
        },
    )


def _reported(employee: Record) -> dict[str, str]:
    return {
        "Employee_ID": str(employee.fields["remote_id"]),
        "Worker": _name(employee),
        "Business_Title": employee.fields.get("job_title") or "",
        "Hire_Date": day(employee.fields.get("start_date")) or "",
    }


def _csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Write CSV, names of columns first; they are there although there is no row."""
    file = StringIO()
    writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _worker(employee: Record) -> wire.Tree:
    fields = employee.fields
    return {
        "Worker_Data": {
            "Worker_ID": str(fields["remote_id"]),
            "User_ID": fields.get("work_email"),
            "Personal_Data": {
                "Name_Data": {
                    "Legal_Name_Data": {
                        "Name_Detail_Data": {
                            "First_Name": fields["first_name"],
                            "Last_Name": fields["last_name"],
                        }
                    }
                }
            },
            "Employment_Data": {"Worker_Status_Data": {"Hire_Date": day(fields["start_date"])}},
        }
    }


def _page(call: NativeCall, items: list[dict[str, Any]]) -> NativeReply:
    limit, offset = min(call.number("limit", _LIMIT), _MOST), call.number("offset", 0)
    return NativeReply(200, {"total": len(items), "data": items[offset : offset + limit]})


def _reference(call: NativeCall, version: str, key: str, descriptor: str) -> dict[str, Any]:
    id = kombo_id(call.company.integration_id, f"workday/{key}")
    service, resource = call.options["service_name"], call.route[1]
    return {
        "id": id,
        "descriptor": descriptor,
        "href": f"https://impl.workday.example/api/{service}/{version}/acme/{resource}/{id}",
    }


def _name(employee: Record) -> str:
    return str(employee.fields.get("display_full_name") or employee.fields.get("first_name"))
