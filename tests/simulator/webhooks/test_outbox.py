"""What happens in an environment becomes the events that Kombo would send, and nothing else."""

from __future__ import annotations

import json
from random import Random

import pytest

from syncer.domain.catalogue.lookup import catalogue
from syncer.simulator.clock import SimClock
from syncer.simulator.company import orders, staff
from syncer.simulator.company.company import Company
from syncer.simulator.company.factories import RELATIONS
from syncer.simulator.life.integration_change import IntegrationLife
from syncer.simulator.life.random_change import random_change
from syncer.simulator.server.environment import Environment
from syncer.simulator.webhooks.event import Event
from syncer.simulator.webhooks.names import JOINS
from syncer.simulator.webhooks.outbox import Outbox

#: Members of each type's data, as Kombo's SDK has them.
MEMBERS = {
    "data-changed": {"integration_id", "integration_tool", "integration_category", "changed_models"},
    "integration-created": {"id", "tool", "category", "end_user"},
    "integration-deleted": {"id", "tool", "category", "end_user", "deleted_at"},
    "integration-state-changed": {
        *("integration_id", "integration_tool", "integration_category", "end_user"),
        *("qa_status", "setup_status", "state", "updated_at"),
    },
    "issue-status-changed": {"change", "issue", "integration"},
    "assessment:order-received": {
        *("id", "integration_id", "package_id", "status", "candidate", "application", "job"),
    },
}


@pytest.fixture
def outbox(environment: Environment) -> Outbox:
    return Outbox(environment)


def collected(outbox: Outbox) -> list[Event]:
    outbox.collect()
    return [outbox.take() for _ in range(len(outbox))]


def test_changes_of_an_integration_are_one_event_with_the_names_that_kombo_has(
    outbox: Outbox, company: Company
) -> None:
    employee, group = company.ids("hris_employees")[0], company.ids("hris_groups")[0]
    company.update("hris_groups", group, name="Renamed")
    company.update("hris_employees", employee, job_title="Pilot")
    company.update("hris_employees", employee, job_title="Captain")
    company.vanish("hris_locations", company.ids("hris_locations")[0])
    (event,) = collected(outbox)
    assert (event.type, event.integration_id) == ("data-changed", company.integration_id)
    assert event.models == ("hris_teams", "hris_employees", "hris_locations")
    assert collected(outbox) == []


def test_a_link_is_told_by_the_name_of_its_join(outbox: Outbox, company: Company) -> None:
    employee = next(
        each
        for each in company.tables.of("hris_employees").values()
        if each.live and each.links.get("groups")
    )
    company.unlink("hris_employees", employee.id, "groups", next(iter(employee.links["groups"])))
    (event,) = collected(outbox)
    assert event.models == ("hris_join_employees_teams",)


def test_every_link_of_the_simulator_has_its_joins_and_every_join_its_link() -> None:
    links = {each.edge for each in RELATIONS.relations if each.how == "link"}
    links |= {inner.edge for each in RELATIONS.relations for inner in each.inside if inner.how == "link"}
    assert set(JOINS) == links
    joins = [join for model in catalogue().values() for join in model.joins]
    assert sorted(name for names in JOINS.values() for name in names) == sorted(joins)


def test_whatever_changes_is_told_by_names_that_mean_a_list(
    outbox: Outbox, company: Company, clock: SimClock
) -> None:
    known = {name for model in catalogue().values() for name in model.webhook_names}
    rng = Random(5)
    told: set[str] = set()
    for _ in range(400):
        random_change(company, rng)
        for event in collected(outbox):
            assert set(event.data) == MEMBERS[event.type]
            told.update(event.models)
    assert told <= known
    assert len(told) > 30


def test_an_order_is_told_with_the_candidate_and_only_once(outbox: Outbox, company: Company) -> None:
    order = orders.order(company, Random(1), company.clock.now_ms(), "OPEN")
    (event,) = collected(outbox)
    assert event.type == "assessment:order-received"
    assert set(event.data) == MEMBERS[event.type]
    assert "email" in event.data["candidate"]
    company.update("assessment_orders", order.id, status="COMPLETED")
    assert collected(outbox) == []


def test_integrations_that_come_fail_recover_and_go_are_told_in_their_order(
    environment: Environment, outbox: Outbox, clock: SimClock
) -> None:
    integration = environment.add(Company("workday:new", clock, records=100))
    integration.status = "INVALID"
    integration.status = "INVALID"
    integration.status = "ACTIVE"
    integration.setup_status = "INCOMPLETE"
    environment.remove("workday:new")
    integration.status = "INACTIVE"
    events = collected(outbox)
    assert [each.type for each in events] == [
        "integration-created",
        "integration-state-changed",
        "issue-status-changed",
        "integration-state-changed",
        "issue-status-changed",
        "integration-state-changed",
        "integration-deleted",
    ]
    assert all(set(each.data) == MEMBERS[each.type] for each in events)
    assert {each.integration_id for each in events} == {"workday:new"}
    raised, resolved = (each.data for each in events if each.type == "issue-status-changed")
    assert (raised["change"], resolved["change"]) == ("raised", "resolved")
    assert raised["issue"]["id"] == resolved["issue"]["id"]
    assert events[5].data["setup_status"] == "INCOMPLETE"
    assert events[0].data["id"] == "workday:new", "not integration_id"


def test_a_company_that_is_not_connected_any_more_tells_nothing(
    environment: Environment, outbox: Outbox, company: Company
) -> None:
    company.update("hris_groups", company.ids("hris_groups")[0], name="Late")
    environment.remove(company.integration_id)
    staff.employee(company, Random(1), company.clock.now_ms())
    assert [each.type for each in collected(outbox)] == ["integration-deleted"]


def test_integrations_live_without_losing_those_of_the_start(
    environment: Environment, outbox: Outbox
) -> None:
    first = list(environment.integrations)
    life = IntegrationLife(environment, Random(3), records=100)
    sentences = {life.change()[1] for _ in range(60)}
    assert len(sentences) > 4
    assert first == list(environment.integrations)[: len(first)]
    assert {each.type for each in collected(outbox)} == {
        *("integration-created", "integration-deleted", "integration-state-changed", "issue-status-changed")
    }


def test_ids_are_the_same_for_the_same_history_and_others_in_the_next_run(company: Company) -> None:
    def ids(clock: SimClock) -> list[str]:
        environment = Environment(clock)
        outbox = Outbox(environment)
        for number in range(3):
            environment.add(Company(f"workday:{number}", clock, records=100))
        return [each.id for each in collected(outbox)]

    first, again = ids(company.clock), ids(company.clock)
    assert first == again
    assert len(set(first)) == 3
    later = SimClock.frozen(company.clock.now().replace(year=2027))
    assert not set(first) & set(ids(later))


def test_any_event_can_be_taken_and_the_oldest_are_given_up_where_nobody_takes_them(
    environment: Environment, clock: SimClock
) -> None:
    outbox = Outbox(environment, capacity=3)
    for number in range(5):
        environment.add(Company(f"workday:{number}", clock, records=100))
    assert [each.integration_id for each in outbox.pending] == ["workday:2", "workday:3", "workday:4"]
    assert outbox.dropped == 2
    assert outbox.take(1).integration_id == "workday:3"
    assert json.loads(outbox.take().body())["data"]["id"] == "workday:2"
