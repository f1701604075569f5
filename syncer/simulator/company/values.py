"""Small made-up values: persons, addresses, money, moments, and the free-form members of a record."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from random import Random
from typing import Any, NamedTuple, TypeVar

from syncer.simulator.company import names
from syncer.simulator.company.ids import DAY_MS, iso, iso_midnight, kombo_id
from syncer.simulator.company.records import Members

T = TypeVar("T")

#: One text of some 30 kB, shared by the few records that carry it.
LONG_TEXT = "\n".join(names.SENTENCES * 80)


class Person(NamedTuple):
    """Made-up person; handle is the part of an e-mail address before the @."""

    first_name: str
    last_name: str
    handle: str


def pick(rng: Random, values: Sequence[T]) -> T:
    return values[int(rng.random() * len(values))]


def maybe(rng: Random, value: T, share: float = 0.85) -> T | None:
    """Return the value, or null in the rest of the cases."""
    return value if rng.random() < share else None


def person(rng: Random, number: int) -> Person:
    first_names, last_names = pick(rng, names.PEOPLE)
    first_name, last_name = pick(rng, first_names), pick(rng, last_names)
    return Person(first_name, last_name, handle(first_name, last_name, number))


def handle(first_name: str, last_name: str, number: int) -> str:
    """Join the ASCII letters of a name and a number that makes it unique; apostrophes stay."""
    plain = unicodedata.normalize("NFKD", f"{first_name}.{last_name}").encode("ascii", "ignore").decode()
    letters = "".join(each for each in plain.lower() if each.isalnum() or each in ".'-").strip(".'-")
    return f"{letters or 'user'}{number}"


def display_name(rng: Random, who: Person) -> str | None:
    if rng.random() < 0.02:
        return f"{who.first_name} {who.last_name} 👩‍💻"
    return maybe(rng, f"{who.first_name} {who.last_name}", 0.9)


def address(rng: Random) -> Members | None:
    """Make up an address with all members, with some left out, or null."""
    city, state, country, zip_code, street = pick(rng, names.PLACES)
    chance = rng.random()
    if chance < 0.05:
        return None
    if chance < 0.1:
        return {"raw": f"{street}, {zip_code} {city}"}
    return {
        "city": city,
        "country": country,
        "raw": f"{street}\n{zip_code} {city}\n{country}" if chance < 0.5 else None,
        "state": state,
        "street_1": street,
        "street_2": "c/o Müller & Söhne" if chance > 0.9 else None,
        "zip_code": zip_code,
    }


def money(rng: Random, low: float, high: float) -> float:
    """Draw an amount with cents."""
    return round(low + rng.random() * (high - low), 2)


def moment(rng: Random, now: int, earliest_days: float, latest_days: float = 0.0) -> int:
    """Draw a moment between so many days before now, in milliseconds."""
    return now - int((latest_days + rng.random() * (earliest_days - latest_days)) * DAY_MS)


def day(rng: Random, now: int, earliest_days: float, latest_days: float = 0.0) -> str:
    """Draw a calendar day as midnight UTC."""
    return iso_midnight(moment(rng, now, earliest_days, latest_days))


def remote_times(rng: Random, now: int) -> Members:
    """Draw ``remote_created_at`` and ``remote_updated_at``."""
    created = moment(rng, now, 900, 1)
    return {
        "remote_created_at": maybe(rng, iso(created), 0.95),
        "remote_updated_at": maybe(rng, iso(moment(rng, now, (now - created) / DAY_MS)), 0.8),
    }


def custom_fields(rng: Random) -> Members | None:
    """Make up null, an empty object or any JSON under keys that come and go."""
    chance = rng.random()
    if chance < 0.3:
        return None
    if chance < 0.5:
        return {}
    fields: Members = {"shirt_size": pick(rng, ("S", "M", "L", "XXL"))}
    if chance > 0.7:
        fields["cost_share"] = round(rng.random(), 1)
    if chance > 0.8:
        fields["parkplatz-nr."] = int(rng.random() * 900)
    if chance > 0.9:
        fields |= {"remote ok?": chance > 0.95, "languages": ["de", "日本語"], "nested": {"a": {"b": None}}}
    return fields


def integration_fields(rng: Random, number: int) -> list[Members]:
    if rng.random() < 0.8:
        return []
    values: tuple[Any, ...] = ("12-B", 0.1, None, True, {"from": "2026-01-01"}, [1, 2])
    return [
        {
            "id": kombo_id("integration-fields", str(place)),
            "key": f"field_{place}",
            "type": "CUSTOM" if place % 2 else "DEFAULT",
            "value": values[(number + place) % len(values)],
            "label": maybe(rng, f"Feld № {place}", 0.7),
        }
        for place in range(1 + number % 3)
    ]


def remote_data(rng: Random, path: str, number: int) -> Members | None:
    """Make up raw payloads by the tool's own path, with integers that no float can hold; mostly null."""
    if rng.random() < 0.93:
        return None
    return {
        path: {
            "id": 2**53 + 2 * number + 1,
            "serial": 12345678901234567890 + number,
            "rate": 0.1,
            "attributes": {"label": {"value": "Ä\u2028\t\"'\\", "type": "standard"}},
            "history": [None, [], {}],
        }
    }


def thin(rng: Random, fields: Members, *optional: str) -> None:
    """Leave some of the optional members out and set others to null."""
    for name in optional:
        chance = rng.random()
        if chance < 0.04:
            fields.pop(name)
        elif chance < 0.1:
            fields[name] = None
