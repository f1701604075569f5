"""What is taken out of a webhook's body, whatever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.names import unknown_models
from syncer.domain.webhooks.effects import Action, Effect, Standing, effect_of, told_lists
from syncer.domain.webhooks.event import Event, EventType, Ignored, parse_event

ID = "personio:8d1hpPsbjxUkoCoa1veLZGe5"


def body(event_type: str, **data: object) -> bytes:
    return json.dumps({"id": "e1", "type": event_type, "data": data}).encode()


PARSED = {
    "data-changed": (
        body("data-changed", integration_id=ID, changed_models=[{"name": "b"}, {"name": "a"}, {"name": "a"}]),
        Event("e1", EventType.DATA_CHANGED, integration_id=ID, models=("a", "b")),
    ),
    "sync-finished": (
        body("sync-finished", integration_id=ID, sync_state="SUCCEEDED"),
        Event("e1", EventType.SYNC_FINISHED, integration_id=ID),
    ),
    "integration-created": (
        body("integration-created", id=ID, integration_id="another:one"),
        Event("e1", EventType.INTEGRATION_CREATED, integration_id=ID),
    ),
    "integration-deleted": (
        body("integration-deleted", id=ID, deleted_at="2026-03-01T10:00:00.000Z"),
        Event(
            "e1",
            EventType.INTEGRATION_DELETED,
            integration_id=ID,
        ),
    ),
    "issue-status-changed": (
        body("issue-status-changed", change="raised", integration={"id": ID}),
        Event("e1", EventType.ISSUE_STATUS_CHANGED, integration_id=ID),
    ),
    "an issue of the environment": (
        body("issue-status-changed", change="raised", integration=None),
        Event("e1", EventType.ISSUE_STATUS_CHANGED),
    ),
    "an unknown type": (body("something-else", integration_id=ID), Event("e1", problem=Ignored.UNKNOWN_TYPE)),
}


@pytest.mark.parametrize("which", list(PARSED))
def test_each_type_has_its_id_in_its_own_place(which: str) -> None:
    given_body, event = PARSED[which]
    assert parse_event(given_body) == event


def test_an_id_of_another_form_is_kept_as_a_digest() -> None:
    first, second = (
        parse_event(json.dumps({"id": f"{name}@example.com", "type": "x"}).encode()) for name in "ab"
    )
    assert first.id is not None
    assert first.id.startswith("digest:")
    assert "example" not in first.id
    assert first.id != second.id


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.sampled_from([*EventType, ID]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "data", "integration_id", "changed_models", "name", "integration", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"id": JSON, "type": st.sampled_from(EventType), "data": JSON}))
def test_no_body_is_too_strange(value: object) -> None:
    event = parse_event(json.dumps(value).encode())
    assert (event.type is None) == (event.problem is not None)
    for standing in Standing:
        effect = effect_of(event, standing, is_discovered=True)
        assert effect.ignored is not None or effect.action is not None or effect.lists != frozenset()
        (event.integration_id or "").encode()


@given(st.binary(max_size=64))
def test_no_bytes_are_too_strange(value: bytes) -> None:
    assert parse_event(value).integration_id is None


def test_every_name_of_the_catalogue_means_its_list() -> None:
    for name, model in catalogue().items():
        for told in model.webhook_names:
            event = Event("e", EventType.DATA_CHANGED, integration_id=ID, models=(told,))
            assert effect_of(event, Standing.MIRRORED, is_discovered=False) == Effect(frozenset({name}))
            assert unknown_models([told, "hris_shifts"]) == ("hris_shifts",)


ACTIONS = {
    EventType.INTEGRATION_CREATED: Action.REFRESH,
    EventType.INTEGRATION_STATE_CHANGED: Action.REFRESH,
    EventType.ISSUE_STATUS_CHANGED: Action.REFRESH,
    EventType.INTEGRATION_DELETED: Action.DELETE,
}


@pytest.mark.parametrize("event_type", list(EventType))
def test_each_type_has_its_effect_on_what_is_mirrored(event_type: EventType) -> None:
    event = Event("e", event_type, integration_id=ID)
    effect = effect_of(event, Standing.MIRRORED, is_discovered=False)
    assert effect.action == ACTIONS.get(event_type)
    if event_type in {EventType.DATA_CHANGED, EventType.SYNC_FINISHED}:
        assert effect.lists is None
    elif "order-received" in event_type:
        assert effect.lists == frozenset({"assessment_orders"})
    elif event_type not in ACTIONS:
        assert effect.ignored is Ignored.NO_EFFECT


def test_what_is_not_mirrored_is_discovered_where_that_is_wanted_and_nobody_removed_it() -> None:
    for event_type in (EventType.INTEGRATION_CREATED, EventType.DATA_CHANGED):
        event = Event("e", event_type, integration_id=ID)
        assert effect_of(event, Standing.UNKNOWN, is_discovered=True).action is Action.DISCOVER
        assert effect_of(event, Standing.UNKNOWN, is_discovered=False).ignored is Ignored.NOT_MIRRORED
        assert effect_of(event, Standing.REMOVED, is_discovered=True).ignored is Ignored.NOT_MIRRORED
    deleted = Event("e", EventType.INTEGRATION_DELETED, integration_id=ID)
    assert effect_of(deleted, Standing.UNKNOWN, is_discovered=True).ignored is Ignored.NOT_MIRRORED


def test_native_lists_are_not_read_for_what_kombo_tells() -> None:
    mirrored = ["hris_groups", "hibob_history"]
    assert told_lists(None, mirrored) == {"hris_groups"}
    assert told_lists({"hris_groups", "hris_employees"}, mirrored) == {"hris_groups"}
