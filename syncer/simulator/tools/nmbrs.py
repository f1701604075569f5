"""Nmbrs: companies and employees by SOAP."""

from __future__ import annotations

from syncer.simulator.tools import soap as wire
from syncer.simulator.tools.call import NativeCall, NativeReply

_NAMESPACE = "https://api.nmbrs.nl/soap/v3/"


def soap(call: NativeCall) -> NativeReply:
    """Answer a call of https://api.nmbrs.nl/soap/v3/."""
    request = wire.operation(call.data)
    if request is None:
        return wire.fault("soap:Client", "Server was unable to read request. There is an error in XML.")
    match call.options["service_name"], wire.local_name(request):
        case "EmployeeService", "List_GetByCompany":
            employees = [
                {
                    "Id": str(each.fields["remote_id"]),
                    "Number": str(each.fields["remote_id"]),
                    "DisplayName": each.fields.get("display_full_name") or "",
                }
                for each in call.live("hris_employees")
            ]
            return _result("EmployeeService", "List_GetByCompany", {"Employee": employees})
        case "CompanyService", "List_GetAll":
            companies = [
                {"ID": str(each.place), "Number": str(each.place), "Name": each.fields["name"]}
                for each in call.live("hris_legal_entities")
            ]
            return _result("CompanyService", "List_GetAll", {"Company": companies})
        case service, name:
            return wire.fault("soap:Client", f"Server did not recognize {name} of {service}.")


def _result(service: str, name: str, tree: wire.Tree) -> NativeReply:
    return wire.answer(f"{name}Response", _NAMESPACE + service, {f"{name}Result": tree})
