"""Teamtailor: candidates as JSON:API, page by page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from syncer.simulator.company.ids import iso
from syncer.simulator.company.records import Record
from syncer.simulator.tools.call import NativeCall, NativeReply

_BASE = "https://api.teamtailor.com/v1"
_SIZE, _MOST = 10, 30
_HEADERS: dict[str, str | list[str]] = {
    "content-type": "application/vnd.api+json",
    "x-rate-limit-limit": "50",
    "x-rate-limit-remaining": "49",
    "x-rate-limit-reset": "10",
}


def v1(call: NativeCall) -> NativeReply:
    """Answer a call of https://api.teamtailor.com/v1."""
    match call.route:
        case ("GET", "candidates"):
            return _page(call, list(call.live("ats_candidates")))
        case ("GET", "candidates", id):
            found = call.company.tables.get("ats_candidates", call.company.id_for(id))
            if found is not None and found.live:
                return _document({"data": _resource(call, found)})
    return _failure(404, "Record not found", "The record could not be found.")


def _page(call: NativeCall, candidates: list[Record]) -> NativeReply:
    """Answer with one page, counted from 1, and links to others; docs.teamtailor.com, "Pagination"."""
    number, size = call.number("page[number]", 1), call.number("page[size]", _SIZE)
    if number < 1:
        return _failure(
            400, "Invalid page value", f"{number} is not a valid value for number page parameter."
        )
    if not 1 <= size <= _MOST:
        return _failure(400, "Invalid page value", f"size exceeds maximum page size of {_MOST}.")
    last = max(1, -(-len(candidates) // size))
    numbers = {"first": 1, "prev": number - 1, "next": number + 1, "last": last}
    rest = {name: text for name, text in call.query.items() if not name.startswith("page[")}
    return _document(
        {
            "data": [_resource(call, each) for each in candidates[(number - 1) * size : number * size]],
            "meta": {"record-count": len(candidates), "page-count": last},
            # There is no member for a page that is not there.
            "links": {
                name: f"{_BASE}/candidates?"
                + urlencode({**rest, "page[number]": str(page), "page[size]": str(size)})
                for name, page in numbers.items()
                if 1 <= page <= last
            },
        }
    )


def _resource(call: NativeCall, candidate: Record) -> dict[str, Any]:
    fields, address = candidate.fields, f"{_BASE}/candidates/{candidate.fields['remote_id']}"
    emails = [each["email_address"] for each in fields.get("email_addresses") or () if each["email_address"]]
    phones = [each["phone_number"] for each in fields.get("phone_numbers") or ()]
    tags = (call.company.tables.get("ats_tags", id) for id in candidate.links.get("tags", ()))
    return {
        "id": fields["remote_id"],
        "type": "candidates",
        "links": {"self": address},
        "attributes": {
            "created-at": fields.get("remote_created_at"),
            "updated-at": iso(candidate.changed_at),
            "first-name": fields.get("first_name"),
            "last-name": fields.get("last_name"),
            "email": next(iter(emails), None),
            "phone": next(iter(phones), None),
            "pitch": fields.get("title"),
            "sourced": False,
            "tags": [tag.fields["name"] for tag in tags if tag is not None],
        },
        "relationships": {
            name: {
                "links": {"self": f"{address}/relationships/{name}", "related": f"{address}/{name}"},
            }
            for name in ("job-applications", "activities", "uploads")
        },
    }


def _document(document: dict[str, Any]) -> NativeReply:
    return NativeReply(200, document, _HEADERS)


def _failure(status: int, title: str, detail: str) -> NativeReply:
    error = {"title": title, "detail": detail, "code": str(status), "status": str(status)}
    return NativeReply(status, {"errors": [error]}, _HEADERS)
