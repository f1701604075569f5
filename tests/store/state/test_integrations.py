"""Which integrations are mirrored, and what is known of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, event, text

from syncer.domain.streams.state import IntegrationState
from syncer.store.state.integrations import IntegrationRow, IntegrationStore

STORE = IntegrationStore()
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def names(connection: Connection) -> list[str]:
    return [each.id for each in STORE.all(connection)]


def test_an_added_integration_is_mirrored_and_nothing_is_known_of_it(connection: Connection) -> None:
    STORE.add(connection, "tool:b", origin="command", models=None)
    STORE.add(connection, "tool:a", origin="command", models=["hris_*", "ats_jobs"])
    assert STORE.all(connection) == [
        IntegrationRow("tool:a", "command", ("hris_*", "ats_jobs")),
        IntegrationRow("tool:b", "command"),
    ]
    assert STORE.get(connection, "tool:a") == IntegrationRow("tool:a", "command", ("hris_*", "ats_jobs"))
    assert STORE.get(connection, "tool:nobody") is None


def test_a_removed_integration_is_not_mirrored_but_known(connection: Connection) -> None:
    STORE.add(connection, "tool:a", origin="command", models=None)
    assert STORE.remove(connection, "tool:a", NOW)
    assert names(connection) == []
    assert STORE.get(connection, "tool:a") == IntegrationRow("tool:a", "command", removed_at=NOW)


def test_only_what_is_mirrored_can_be_removed(connection: Connection) -> None:
    assert not STORE.remove(connection, "tool:a", NOW)
    STORE.add(connection, "tool:a", origin="command", models=None)
    STORE.remove(connection, "tool:a", NOW)
    assert not STORE.remove(connection, "tool:a", LATER)
    removed = STORE.get(connection, "tool:a")
    assert removed is not None
    assert removed.removed_at == NOW


def test_an_integration_that_is_added_again_keeps_what_is_known_of_it(connection: Connection) -> None:
    STORE.add(connection, "tool:a", origin="config", models=["*"])
    STORE.note(connection, "tool:a", NOW, state="ready", tool="personio")
    STORE.remove(connection, "tool:a", NOW)
    STORE.add(connection, "tool:a", origin="command", models=["hris_*"])
    assert STORE.all(connection) == [
        IntegrationRow(
            "tool:a", "command", ("hris_*",), state=IntegrationState.READY, tool="personio", checked_at=NOW
        )
    ]
    STORE.add(connection, "tool:a", origin="command", models=None)
    assert STORE.all(connection)[0].models is None


def test_an_empty_choice_of_models_is_not_the_same_as_none(connection: Connection) -> None:
    STORE.add(connection, "tool:a", origin="config", models=[])
    assert STORE.all(connection)[0].models == ()


def test_what_kombo_said_is_kept_and_what_it_did_not_say_stays(connection: Connection) -> None:
    STORE.add(connection, "tool:a", origin="config", models=None)
    STORE.add(connection, "tool:b", origin="config", models=None)
    expired = NOW - timedelta(days=3, microseconds=7)
    STORE.note(
        connection,
        "tool:a",
        NOW,
        state="ready",
        tool="personio",
        category="HRIS",
        organisation="Müller & Söhne 😀",
        status="ACTIVE",
        setup_status="COMPLETED",
        data_expired_at=expired,
        read_models={"hris_teams": True, "hris_employees": False},
    )
    STORE.note(connection, "tool:a", LATER, state="gone", data_expired_at=None)
    assert STORE.get(connection, "tool:a") == IntegrationRow(
        "tool:a",
        "config",
        state=IntegrationState.GONE,
        tool="personio",
        category="HRIS",
        organisation="Müller & Söhne 😀",
        status="ACTIVE",
        setup_status="COMPLETED",
        read_models={"hris_teams": True, "hris_employees": False},
        refreshed_at=LATER,
        checked_at=LATER,
    )
    assert STORE.get(connection, "tool:b") == IntegrationRow("tool:b", "config")


def test_data_that_had_expired_and_has_no_more_was_read_anew_then(connection: Connection) -> None:
    STORE.add(connection, "tool:a", origin="config", models=None)

    def refreshed_at(now: datetime, data_expired_at: datetime | None) -> datetime | None:
        STORE.note(connection, "tool:a", now, data_expired_at=data_expired_at)
        found = STORE.get(connection, "tool:a")
        assert found is not None
        return found.refreshed_at

    assert refreshed_at(NOW, None) is None
    assert refreshed_at(NOW, NOW) is None
    assert refreshed_at(LATER, None) == LATER
    assert refreshed_at(LATER + timedelta(hours=1), None) == LATER


def test_the_configuration_is_followed(connection: Connection) -> None:
    STORE.add(connection, "tool:mine", origin="command", models=None)
    STORE.follow_config(connection, {"tool:a": None, "tool:b": ["hris_*"]}, NOW)
    assert names(connection) == ["tool:a", "tool:b", "tool:mine"]
    STORE.follow_config(connection, {"tool:b": ["ats_*"], "tool:c": None}, LATER)
    assert names(connection) == ["tool:b", "tool:c", "tool:mine"]
    assert [each.models for each in STORE.all(connection)] == [("ats_*",), None, None]
    gone = STORE.get(connection, "tool:a")
    assert gone is not None
    assert gone.removed_at == LATER
    STORE.follow_config(connection, {"tool:a": None}, LATER)
    assert names(connection) == ["tool:a", "tool:mine"]


def test_an_integration_of_the_command_that_the_configuration_takes_over_goes_with_it(
    connection: Connection,
) -> None:
    STORE.add(connection, "tool:a", origin="command", models=["hris_*"])
    STORE.follow_config(connection, {"tool:a": None}, NOW)
    assert STORE.all(connection) == [IntegrationRow("tool:a", "config")]
    STORE.follow_config(connection, {}, NOW)
    assert names(connection) == []


def test_following_the_same_configuration_again_changes_nothing(connection: Connection) -> None:
    STORE.follow_config(connection, {"tool:a": ["*"]}, NOW)
    STORE.note(connection, "tool:a", NOW, state="waiting")
    before = STORE.all(connection)
    said: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *given: said.append(given[2].split()[0]))
    STORE.follow_config(connection, {"tool:a": ["*"]}, LATER)
    # Every command does this, however many integrations there are.
    assert said == ["SELECT"]
    assert STORE.all(connection) == before


def test_environments_do_not_meet(connection: Connection) -> None:
    other = IntegrationStore("other")
    STORE.add(connection, "tool:a", origin="command", models=None)
    other.add(connection, "tool:a", origin="config", models=["ats_*"])
    other.note(connection, "tool:a", NOW, state="gone")
    other.follow_config(connection, {}, NOW)
    assert other.all(connection) == []
    assert STORE.all(connection) == [IntegrationRow("tool:a", "command")]


def test_models_are_json_that_sql_can_read(connection: Connection) -> None:
    STORE.add(connection, "tool:a", origin="config", models=["hris_*", "ats_jobs"])
    STORE.note(connection, "tool:a", NOW, read_models={"hris_teams": True})
    shown = (
        "json_extract(models, '$[1]'), json_extract(read_models, '$.hris_teams')"
        if connection.dialect.name == "sqlite"
        else "models ->> 1, CAST(read_models ->> 'hris_teams' AS boolean)"
    )
    found = connection.execute(text(f"SELECT {shown} FROM sync_integrations"))
    assert tuple(found.one()) == ("ats_jobs", True)
