"""Greenhouse: picklists, which the unified API does not have."""

from __future__ import annotations

from typing import Any

from syncer.simulator.native_call import NativeCall, NativeReply

#: Custom fields with their options, by id.
_FIELDS = {
    "4001": ("Seniority", ("Junior", "Professional", "Senior", "Principal")),
    "4002": ("Work mode", ("On site", "Hybrid", "Remote")),
}


def harvest(call: NativeCall) -> NativeReply:
    """https://harvest.greenhouse.io/v1"""
    match call.route:
        case ("GET", "custom_fields", "job"):
            return _listed([_field(id) for id in _FIELDS])
        case ("GET", "custom_field", id, "custom_field_options") if id in _FIELDS:
            return _listed(_options(id))
        case ("GET", "rejection_reasons"):
            reasons = call.live("ats_rejection_reasons")
            return _listed(
                [
                    {
                        "id": 5_000 + place,
                        "name": each.fields["name"],
                        "type": {"id": 1, "name": "We rejected"},
                    }
                    for place, each in enumerate(reasons)
                ]
            )
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


def _listed(items: list[dict[str, Any]]) -> NativeReply:
    headers: dict[str, str | list[str]] = {
        "content-type": "application/json",
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "49",
        "set-cookie": ["a=1; Secure", "b=2; Secure"],
    }
    return NativeReply(200, items, headers)
