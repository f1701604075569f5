"""Common parts of random changes: picking a record and naming it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from syncer.simulator.company.company import Company
from syncer.simulator.company.records import Record
from syncer.simulator.company.values import pick

#: Random change: gives a sentence about it, or None where no record is fit for it.
Change = Callable[[Company, Random], str | None]

_TRIES = 25


def find(
    company: Company, rng: Random, model: str, fits: Callable[[Record], bool] = lambda record: True
) -> Record | None:
    """Pick a random live record that fits; None if luck or the company has none."""
    ids = company.known(model)
    if not ids:
        return None
    records = company.tables.of(model)
    tries = (records[pick(rng, ids)] for _ in range(_TRIES))
    return next((record for record in tries if record.live and fits(record)), None)


def label(record: Record) -> str:
    """Name a record by its name, or by its id."""
    fields = record.fields
    name = " ".join(filter(None, (fields.get("first_name"), fields.get("last_name"))))
    return name or fields.get("name") or fields.get("title") or record.id
