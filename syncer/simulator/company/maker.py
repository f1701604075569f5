"""Tools of the factories: tables, time, numbers, and ids that follow from remote ids."""

from __future__ import annotations

from collections import Counter
from random import Random

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company.ids import kombo_id
from syncer.simulator.company.records import Members, Record, Tables
from syncer.simulator.company.relations import RelationGraph
from syncer.simulator.company.render import UNKNOWN_MEMBER
from syncer.simulator.company.values import pick


class Maker:
    """Writer of records into the tables of one integration. domain is the company's internet domain."""

    def __init__(self, integration_id: str, clock: SimClock, domain: str, relations: RelationGraph) -> None:
        self.integration_id = integration_id
        self.clock = clock
        self.domain = domain
        self.tables = Tables(relations)
        self._numbers: Counter[str] = Counter()

    def put(
        self,
        model: str,
        fields: Members,
        *,
        at: int,
        remote_id: str | None = None,
        links: dict[str, dict[str, Members]] | None = None,
    ) -> Record:
        """Add a record that changed at that millisecond. A null remote id gives a Kombo id of its own."""
        place = len(self.known(model))
        listed = catalogue().get(model)
        if listed is None or listed.has_remote_id:
            fields = {"remote_id": remote_id, **fields}
            fields["remote_id"] = remote_id
        if listed is not None and place % 30 == 7:
            fields[UNKNOWN_MEMBER] = {"since": "2026-05-01", "labels": ["β", 1.5]}
        record = Record(model, self.id_for(remote_id or f"{model}#{place}"), fields, links or {})
        self.tables.put(record, at)
        return record

    def next_number(self, model: str) -> int:
        """Count 1, 2, 3, … for each model."""
        self._numbers[model] += 1
        return self._numbers[model]

    def known(self, model: str) -> list[str]:
        """List the ids of a model, deleted ones too, in order of first appearance. Not to be changed."""
        return self.tables.known(model)

    def made(self, model: str) -> int:
        """Count the records of a model so far."""
        return len(self.known(model))

    def id_for(self, remote_id: str) -> str:
        """Derive the Kombo id of a remote id in this integration."""
        return kombo_id(self.integration_id, remote_id)

    def ghost(self, model: str) -> str:
        """Make up a dangling id: others refer to the record but it is not kept."""
        remote_id = f"filtered-{self.next_number('ghosts')}"
        self.tables.ghosts[model, self.id_for(remote_id)] = remote_id
        return self.id_for(remote_id)

    def someone(self, rng: Random) -> str:
        """Choose an employee's id; one in a hundred dangles."""
        return (
            self.ghost("hris_employees") if rng.random() < 0.01 else pick(rng, self.known("hris_employees"))
        )

    def roles(self, scope: str) -> list[str]:
        """List the ids of the ATS roles of one scope: JOB ones are given in jobs, SYSTEM ones to users."""
        return [each.id for each in self.tables.of("ats_roles").values() if each.fields["scope"] == scope]

    def any_rejection_reason(self, rng: Random) -> str | None:
        """Choose the name of a rejection reason."""
        reason = self.tables.of("ats_rejection_reasons")[pick(rng, self.known("ats_rejection_reasons"))]
        name: str | None = reason.fields["name"]
        return name

    def scale_options(self) -> list[Members]:
        """List the options of the scale that ratings are given on."""
        scales = self.tables.of("hris_skill_proficiency_scales").values()
        found: list[Members] = next(
            each.fields["ordered_options"] for each in scales if "ordered_options" in each.fields
        )
        return found
