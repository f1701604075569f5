"""What the questions are tried on: two sources, and what happens to them over a weekend.

One is the firm of firm.md, small enough to be checked by eye: the samples of the page are its answers. The
other one has a large random company beside the firm, and edges.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company, Erasure
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.company.records import Members
from syncer.simulator.server.environment import Environment
from tests.queries.page import read_table
from tests.support.source import unlimited

HERE = Path(__file__).parent

#: What a program on its own clock would call Friday noon and Monday noon.
FRIDAY = datetime(2026, 6, 12, 12, tzinfo=UTC)
MONDAY = FRIDAY + timedelta(days=3)
FIRM = "personio:8d1hpPsbjxUkoCoa1veLZGe5"

_LINKS = {
    (each.carrier, each.field)
    for outer in RELATIONS.relations
    for each in (outer, *outer.inside)
    if each.how == "link"
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class MondaySource:
    """What Kombo serves on Monday, to compute answers from.

    happened: (what, model, id) of everything that made a record be served anew since Friday, where what is
    new, changed or gone. friday: what it served then, by model and id.
    """

    def __init__(
        self,
        environment: Environment,
        happened: set[tuple[str, str, str]],
        friday: Mapping[tuple[str, str], Members],
    ) -> None:
        self.companies = environment.companies
        self.happened = happened
        self.friday = friday
        self._rows: dict[str, list[Members]] = {}

    def all(self, model: str) -> list[Members]:
        """The records of a list in all integrations, deleted ones too."""
        if model not in self._rows:
            self._rows[model] = [
                {**row, "integration_id": id}
                for id, company in self.companies.items()
                for row in company.rows(model, include_deleted=catalogue()[model].features.include_deleted)
            ]
        return self._rows[model]

    def live(self, model: str) -> list[Members]:
        return [row for row in self.all(model) if row.get("remote_deleted_at") is None]

    def by_id(self, model: str) -> dict[Any, Members]:
        """The live records of a list."""
        return {row["id"]: row for row in self.live(model)}

    def employed(self, on: str) -> list[Members]:
        """The employees whose dates say that they are there on that day."""
        return [
            each
            for each in self.live("hris_employees")
            if (begin := day(each.get("start_date"))) is not None
            and begin <= on <= (day(each.get("termination_date")) or on)
        ]


def day(value: str | None) -> str | None:
    """The calendar day of a moment or date of the API."""
    return None if value is None else value[:10]


def make_environment(*, with_large: bool) -> tuple[Environment, SimClock]:
    """Make up the firm, with the edges and the large company beside it or not, as they are on Friday."""
    clock = SimClock.frozen(FRIDAY)
    environment = Environment(clock, limit=unlimited())
    firm = Company(FIRM, clock, records=0)
    firm.domain = "nordlicht.example"
    _empty(firm)
    _plant(firm, (HERE / "firm.md").read_text(encoding="utf-8"))
    environment.add(firm)
    if with_large:
        _plant(firm, (HERE / "edges.md").read_text(encoding="utf-8"))
        # Nothing is anonymised between the two days: the mirror would know more than the source.
        large = Company(
            "hibob:JLs9o9Tkbb2AtUt6SNBdX2X8",
            clock,
            seed=7,
            records=1_500,
            erasure=Erasure(after=timedelta(days=90)),
        )
        _bury(large)
        environment.add(large)
    return environment, clock


def _empty(company: Company) -> None:
    children = [child.table for model in catalogue().values() for child in model.children]
    for model in (*catalogue(), *children):
        for id in tuple(company.known(model)):
            company.vanish(model, id)


def _plant(company: Company, text: str) -> None:
    """Adds the records of a page like firm.md."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        model = part.split("\n", 1)[0]
        header, *rows = read_table(part)
        for cells in rows:
            members = dict(zip(header, cells, strict=True))
            key, deleted = members.pop("key"), members.pop("deleted", "")
            values = {name: _value(company, model, name, cell) for name, cell in members.items()}
            links = {name: values.pop(name) or {} for name in members if (model, name) in _LINKS}
            # Long enough ago: what changed around Friday noon is sent once more by an overlap.
            id = company.add(model, values, remote_id=key, links=links, at=FRIDAY - timedelta(days=30))
            if deleted:
                company.delete(model, id, at=FRIDAY - timedelta(days=2))


def _bury(company: Company) -> None:
    """Deletes so many records that most answers go wrong where deleted rows, or ids of such, count."""
    for name, model in catalogue().items():
        if model.has_remote_deleted_at:
            for id in company.ids(name)[::6]:
                company.delete(name, id, at=FRIDAY - timedelta(days=2))


def _value(company: Company, model: str, name: str, cell: str) -> Any:
    """The value of a cell; of a link the pairs by the other record's id."""
    if not cell:
        return None
    if cell[0] in "{[":
        return _referred(company, json.loads(cell))
    if cell[0] == "@":
        ids = [_referred(company, each) for each in cell.split()]
        return {id: {} for id in ids} if (model, name) in _LINKS else ids[0]
    if cell in ("true", "false"):
        return cell == "true"
    return json.loads(cell) if _NUMBER.fullmatch(cell) else cell


def _referred(company: Company, value: Any) -> Any:
    """The value with every ``@key`` in it made the id of that record."""
    if isinstance(value, str):
        return company.id_for(value[1:]) if value.startswith("@") else value
    if isinstance(value, list):
        return [_referred(company, each) for each in value]
    if isinstance(value, dict):
        return {_referred(company, name): _referred(company, each) for name, each in value.items()}
    return value


def pass_weekend(environment: Environment) -> None:
    """Let happen at the firm what happens until Monday noon."""
    firm = environment.companies[FIRM]
    id = firm.id_for
    firm.update("hris_groups", id("sales"), name="Revenue")
    firm.update("ats_application_stages", id("talk"), name="Technical interview")
    firm.update("ats_tags", id("remote"), name="Works remotely")
    firm.update("ats_users", id("rita"), last_name="Winter")
    firm.update("ats_roles", id("manager"), remote_label="Manager of the job")
    firm.update("hris_employees", id("dan"), job_title="Senior engineer")
    firm.update("hris_legal_entities", id("uk"), name="Nordlicht Limited")
    firm.delete("hris_employees", id("lea"))
    firm.delete("ats_candidates", id("c-gone"))
    firm.add(
        "hris_employees",
        {"first_name": "Nora", "last_name": "Quist", "start_date": "2026-08-01", "manager_id": id("ada")},
        remote_id="nora",
    )
    firm.update("hris_employments", id("gina-1"), pay_rate=52500)
    firm.update("hris_employees", id("gina"), manager_id=id("ben"))
    # From now on the tool does not give timesheets any more.
    environment.integrations[FIRM].disabled.add("hris_timesheets")


def list_all(environment: Environment) -> dict[tuple[str, str], Members]:
    """Give the records of all lists by model and id."""
    return {
        (model, row["id"]): row
        for company in environment.companies.values()
        for model in catalogue()
        for row in company.rows(model)
    }


def served_anew(
    environment: Environment,
    before: Mapping[tuple[str, str], Members],
    now: Mapping[tuple[str, str], Members],
    seen: int,
) -> Iterator[tuple[str, str, str]]:
    """Find what Kombo serves anew: it differs, and one of its two clocks says so."""
    for (model, id), row in now.items():
        records = [company.tables.get(model, id) for company in environment.companies.values()]
        if not any(record is not None and record.matched_at > seen for record in records):
            continue
        if (model, id) not in before:
            yield "new", model, id
        elif row != (old := before[model, id]):
            gone = old.get("remote_deleted_at") is None and row.get("remote_deleted_at") is not None
            yield ("gone" if gone else "changed"), model, id
