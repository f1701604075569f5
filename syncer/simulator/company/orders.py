"""Assessment orders: they tell neither when they changed nor that they are gone."""

from __future__ import annotations

from random import Random

from syncer.simulator.company import names
from syncer.simulator.company.factory import Factory
from syncer.simulator.company.maker import Maker
from syncer.simulator.company.records import Members, Record, Tables
from syncer.simulator.company.values import address, maybe, person, pick

_TEAM_ROLES = ("RECRUITER", "HIRING_MANAGER")


def order(maker: Maker, rng: Random, at: int, status: str | None = None) -> Record:
    number = maker.next_number("assessment_orders")
    who = person(rng, number)
    fields: Members = {
        "package_id": f"package-{number % 5}",
        "status": status or ("OPEN", "COMPLETED", "CANCELLED", "REJECTED", "OPEN")[number % 5],
        "candidate": {
            "remote_id": maybe(rng, str(number), 0.9),
            "email": f"{who.handle}@mail.example.org",
            "first_name": maybe(rng, who.first_name, 0.95),
            "last_name": maybe(rng, who.last_name, 0.95),
            "phone": maybe(rng, f"+49 151 {number:08d}", 0.5),
        },
        "application": {"remote_id": maybe(rng, str(number), 0.9)},
        "job": {
            "remote_id": maybe(rng, str(number % 40), 0.9),
            "name": maybe(rng, pick(rng, names.JOBS), 0.95),
            "job_code": maybe(rng, f"J-{number % 40:04d}", 0.5),
            "description": maybe(rng, pick(rng, names.SENTENCES), 0.6),
            "location": address(rng),
            "hiring_team": [_member(maker, rng, number + step) for step in range(number % 3)],
        },
        "_created_at": at,
    }
    return maker.put("assessment_orders", fields, at=at)


def _member(maker: Maker, rng: Random, number: int) -> Members:
    who = person(rng, number)
    return {
        "remote_id": maybe(rng, str(number), 0.9),
        "email": maybe(rng, f"{who.handle}@{maker.domain}", 0.9),
        "first_name": maybe(rng, who.first_name, 0.95),
        "last_name": maybe(rng, who.last_name, 0.95),
        "hiring_team_roles": list(_TEAM_ROLES[: number % 3]),
    }


def _created_after(tables: Tables, record: Record, ms: int) -> bool:
    created: int = record.fields["_created_at"]
    return created > ms


FACTORIES = (Factory("assessment_orders", order, share=0.007, filters={"created_after": _created_after}),)
