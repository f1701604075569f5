"""SQL of PostgreSQL's that reduces a JSON value to members that are known, whatever else it holds."""

from __future__ import annotations

from syncer.domain.catalogue.model import Member


def reduced(value: str, members: tuple[Member, ...], depth: int = 0) -> str:
    """Write the expression for the value with these members alone, of an object or of each in a list.

    value is an expression of type jsonb. Sensitive members are left out; without members a plain value stays,
    and the plain values of a list. What has another shape becomes null: no statement fails on it.
    """
    entry, place = f"entry_{depth}", f"place_{depth}"
    if members:
        cases = f"WHEN 'object' THEN {_object(value, members, depth + 1)}"
        each = f"CASE jsonb_typeof({entry}) WHEN 'object' THEN {_object(entry, members, depth + 1)} END"
        kept, otherwise = "'object'", "NULL"
    else:
        cases, each = "WHEN 'object' THEN NULL", entry
        kept, otherwise = "'string', 'number', 'boolean', 'null'", value
    return (
        f"CASE jsonb_typeof({value}) {cases} WHEN 'array' THEN"
        f" (SELECT coalesce(jsonb_agg({each} ORDER BY {place})"
        f" FILTER (WHERE jsonb_typeof({entry}) IN ({kept})), '[]'::jsonb)"
        f" FROM jsonb_array_elements({value}) WITH ORDINALITY AS list_{depth} ({entry}, {place}))"
        f" ELSE {otherwise} END"
    )


def _object(value: str, members: tuple[Member, ...], depth: int) -> str:
    shown = (
        f"'{member.name}', {reduced(f'({value} -> {_text(member.name)})', member.members, depth)}"
        for member in members
        if not member.privacy.is_sensitive
    )
    return f"jsonb_build_object({', '.join(shown)})"


def _text(name: str) -> str:
    return f"'{name}'"
