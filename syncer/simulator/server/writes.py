"""Writes of the unified API: a record more in a list, or one less.

Of Kombo's writes no more is played than what an application notices of them. A POST to a list adds a record,
made up as the others are, with those members of the body that it has itself; a DELETE of one marks it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.gateway.kombo_words import InvalidInput
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import FACTORIES
from syncer.simulator.company.render import to_json
from syncer.simulator.server.faults import Reply


def added(company: Company, path: str, body: bytes) -> Reply | None:
    """Add a record to the list of a path; None where there is no such list. Raises InvalidInput."""
    model = _lists().get(path)
    if model is None:
        return None
    given = _members(body)
    company.settle()
    rng = Random(f"{company.integration_id}/{model}/{company.made(model)}")
    record = FACTORIES[model].make(company, rng, company.clock.now_ms())
    own = {name: value for name, value in given.items() if name in record.fields}
    if own:
        company.update(model, record.id, **own)
    return _success(company.row(model, record.id))


def removed(company: Company, path: str, id: str) -> Reply | None:
    """Mark a record of the list of a path deleted; None where there is none."""
    model = _lists().get(path)
    if model is None or id not in company.ids(model):
        return None
    company.delete(model, id)
    return _success({})


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise InvalidInput("The body should be a JSON object.")
    return given


def _success(data: object) -> Reply:
    return Reply(200, to_json({"status": "success", "data": data, "warnings": []}))


@cache
def _lists() -> Mapping[str, str]:
    return {model.path: name for name, model in catalogue().items()}
