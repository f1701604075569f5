"""Greenhouse: picklists, which the unified API does not have, and candidates, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from syncer.simulator.company.ids import iso
from syncer.simulator.company.records import Record
from syncer.simulator.tools.call import NativeCall, NativeReply

_BASE = "https://harvest.greenhouse.io/v1"
_SIZE, _MOST = 100, 500
#: Custom fields with their options, by id.
_FIELDS = {
    "4001": ("Seniority", ("Junior", "Professional", "Senior", "Principal")),
    "4002": ("Work mode", ("On site", "Hybrid", "Remote")),
}


def harvest(call: NativeCall) -> NativeReply:
    """Answer a call of https://harvest.greenhouse.io/v1."""
    match call.route:
        case ("GET", "custom_fields", "job"):
            return _page(call, list(_FIELDS), _field)
        case ("GET", "custom_field", id, "custom_field_options") if id in _FIELDS:
            return _page(call, _options(id), lambda option: option)
        case ("GET", "rejection_reasons"):
            return _page(call, list(call.live("ats_rejection_reasons")), _reason)
        case ("GET", "candidates"):
            return _page(call, list(call.live("ats_candidates")), partial(_candidate, call))
        case _:
            return NativeReply(404, {"message": "Resource not found"})


def _field(id: str) -> dict[str, Any]:
    name, _ = _FIELDS[id]
    return {
        "id": int(id),
        "name": name,
        "active": True,
        "field_type": "job",
        "value_type": "single_select",
        "name_key": name.lower().replace(" ", "_"),
        "custom_field_options": _options(id),
    }


def _options(id: str) -> list[dict[str, Any]]:
    return [
        {"id": int(id) * 10 + place, "name": name, "priority": place, "external_id": None}
        for place, name in enumerate(_FIELDS[id][1])
    ]


def _reason(reason: Record) -> dict[str, Any]:
    return {
        "id": 5_000 + reason.place,
        "name": reason.fields["name"],
        "type": {"id": 1, "name": "We rejected them"},
    }


def _candidate(call: NativeCall, candidate: Record) -> dict[str, Any]:
    fields, tables = candidate.fields, call.company.tables
    tags = (tables.get("ats_tags", id) for id in candidate.links.get("tags", ()))
    applications = [
        each for each in tables.referring("ats_applications", "candidate_id", candidate.id) if each.live
    ]
    return {
        "id": int(fields["remote_id"]),
        "first_name": fields.get("first_name"),
        "last_name": fields.get("last_name"),
        "company": fields.get("company"),
        "title": fields.get("title"),
        "created_at": fields.get("remote_created_at"),
        "updated_at": iso(candidate.changed_at),
        "is_private": fields.get("confidential") is True,
        "application_ids": [each.place for each in applications],
        "phone_numbers": [
            {"value": each["phone_number"], "type": (each.get("type") or "other").lower()}
            for each in fields.get("phone_numbers") or ()
        ],
        "email_addresses": [
            {"value": each["email_address"], "type": (each["type"] or "other").lower()}
            for each in fields.get("email_addresses") or ()
            if each["email_address"]
        ],
        "tags": [tag.fields["name"] for tag in tags if tag is not None],
        "applications": [
            {"id": each.place, "candidate_id": int(fields["remote_id"]), "prospect": False}
            for each in applications
        ],
    }


def _page(call: NativeCall, items: Sequence[Any], show: Callable[[Any], dict[str, Any]]) -> NativeReply:
    """Answer with one page and, as a header, links to others.

    developers.greenhouse.io/harvest.html, "Pagination"
    """
    page, size = call.number("page", 1), call.number("per_page", _SIZE)
    if page < 1 or not 1 <= size <= _MOST:
        wrong, least = ("page", "at least 1") if page < 1 else ("per_page", f"between 1 and {_MOST}")
        errors = [{"message": f"Must be {least}", "field": wrong}]
        return NativeReply(422, {"message": "Validation error", "errors": errors})
    last = max(1, -(-len(items) // size))
    links = {"next": page + 1, "prev": page - 1, "last": last}
    headers: dict[str, str | list[str]] = {
        "content-type": "application/json",
        "link": ",".join(
            f'<{_address(call, number, size)}>; rel="{name}"'
            for name, number in links.items()
            if 1 <= number <= last
        ),
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "49",
        "set-cookie": ["a=1; Secure", "b=2; Secure"],
    }
    return NativeReply(200, [show(each) for each in items[(page - 1) * size : page * size]], headers)


def _address(call: NativeCall, page: int, size: int) -> str:
    query = {**call.query, "page": str(page), "per_page": str(size)}
    return f"{_BASE}/{'/'.join(call.route[1:])}?{urlencode(query)}"
