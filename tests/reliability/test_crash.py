"""``kill -9`` at any instruction, as often as you like: nothing is lost, and nothing is doubled.

A page that was stored is never fetched again. What a kill costs is what was on its way: the page that was
being written and the one that was fetched ahead, so two requests for each stream.
"""

from __future__ import annotations

from random import Random

import pytest
from sqlalchemy import inspect

from syncer.simulator.life.random_change import random_change
from syncer.store.db.database import Database
from syncer.store.schema.mirror_tables import MIRROR
from tests.reliability.database_copies import Copy
from tests.reliability.fork_server import ForkServer, KillPoint
from tests.reliability.killed_programs import LOST, MODELS, Look, Mirrored, Subject, Trials
from tests.support.mirror import Mirror
from tests.support.processes import Serve, ServedSource
from tests.support.source import make_environment


@pytest.fixture
def source(serve: Serve) -> ServedSource:
    """Two companies. The window of the limit does not turn while a test runs."""
    environment = make_environment(integrations=2, records=300)
    environment.limit.window = 3_600
    return serve(environment)


@pytest.fixture
def trials(fork_servers: list[ForkServer], source: ServedSource, migrated_url: str, copy: Copy) -> Trials:
    """On both databases, with pages of six records and the change feed."""
    changes = {
        "SYNCER_KOMBO__PAGE_SIZE": "6",
        "SYNCER_SYNC__CONCURRENCY": "2",
        "SYNCER_CHANGES__MODELS": '["*"]',
    }
    return Trials(fork_servers[:2], source, Mirror(migrated_url), copy, changes)


@pytest.fixture
def subject(trials: Trials) -> Subject:
    """One that is killed again and again, on both databases, with a page for each record."""
    trials.prepare("hris_groups")
    subject = trials.subject(0, trials.prepared.database_url)
    each_record = {"SYNCER_KOMBO__PAGE_SIZE": "1", "SYNCER_SYNC__EVERY": "1s", "SYNCER_WEB__PORT": "0"}
    subject.changes = {**trials.changes, **each_record}
    return subject


def some_kill_point(rng: Random) -> KillPoint:
    """At a commit, within a transaction, or anywhere; some pages after the start, most often."""
    kind = rng.choice(["commit", "statement", "seconds"])
    if kind == "commit":
        return KillPoint("commit", rng.randint(1, 70))
    if kind == "statement":
        return KillPoint("statement", rng.randint(1, 200))
    return KillPoint("seconds", rng.uniform(0.1, 0.5))


def change(subject: Subject, rng: Random) -> None:
    """Several things happen in the company, some of them to what the subject mirrors."""
    company = subject.mirrored.source.environment.companies[subject.mirrored.integration]
    for model in MODELS:
        company.update(model, rng.choice(company.ids(model)), remote_id=f"changed {rng.random()}")
    for _ in range(10):
        random_change(company, rng)


# -- each boundary of a transaction --------------------------------------------------------------------------


def test_a_backfill_killed_at_any_commit_is_finished_by_the_next_one(trials: Trials) -> None:
    trials.prepare("hris_groups")

    def check(look: Look, undisturbed: Look) -> None:
        assert look.rows == undisturbed.rows
        assert look.said == undisturbed.said
        assert look.told == undisturbed.told
        for model in MODELS:
            assert look.asked[model] <= undisturbed.asked[model] + LOST

    assert trials.at_every_boundary("backfill", check) > 40


def test_a_sync_killed_at_any_commit_is_finished_by_the_next_one(trials: Trials) -> None:
    # What it asks for again it would find for this alone, were its place forgotten.
    trials.changes["SYNCER_SYNC__OVERLAP"] = "0s"
    trials.prepare("hris_employees")
    for company in trials.source.environment.companies.values():
        # One of them stays as it is.
        first, _, *others = company.ids("hris_employees")
        company.delete("hris_employees", first)
        for each in others:
            company.update("hris_employees", each, first_name="Anders")

    def check(look: Look, undisturbed: Look) -> None:
        assert look.rows == undisturbed.rows
        assert look.told == undisturbed.told
        for word in ("created", "updated", "deleted", "restored"):
            assert look.said["hris_employees"][word] == undisturbed.said["hris_employees"][word]

    # What every life begins with has been seen above: it is all that one does that finds nothing to do.
    with trials.copy(trials.prepared.database_url) as url:
        idle = trials.subject(0, url, ("hris_employees",)).run("backfill").well()
    swept = trials.at_every_boundary("sync", check, models=("hris_employees",), first=idle.commits - 2)
    assert swept > 15


# -- random moments ------------------------------------------------------------------------------------------


def test_a_history_of_kills_ends_with_a_mirror_that_equals_the_source(subject: Subject) -> None:
    rng = Random(7)
    while subject.run("backfill", some_kill_point(rng)).killed:
        assert subject.kills < 50
    look = subject.check()
    # Each page was stored once, and each record counted once.
    for model in MODELS:
        listed = len(look.rows[model])
        assert (look.said[model]["pages"], look.said[model]["created"]) == (listed, listed)
    assert subject.kills > 3

    for _ in range(10):
        change(subject, rng)
        subject.run("sync", some_kill_point(rng))
    # The first may have had an older walk to finish.
    for _ in range(2):
        subject.run("sync").well()
    subject.check()


def test_a_service_that_is_killed_again_and_again_ends_with_it_too(subject: Subject) -> None:
    rng = Random(12)
    for _ in range(8):
        assert subject.run("run", some_kill_point(rng)).killed
        change(subject, rng)
    for _ in range(2):
        subject.run("sync").well()
    subject.check()


def test_a_first_start_killed_while_it_makes_the_tables_leaves_none_of_them(
    fork_servers: list[ForkServer], source: ServedSource, database_url: str
) -> None:
    integration = next(iter(source.environment.integrations))
    subject = Subject(fork_servers[0], Mirrored(source, integration, Mirror(database_url)))
    for kill_point in (
        KillPoint("statement", 2),
        KillPoint("statement", 60),
        KillPoint("statement", 150),
        KillPoint("commit", 1),
    ):
        assert subject.run("backfill", kill_point).killed
        assert tables_in(database_url) == set()
    # Directly after that commit.
    assert subject.run("backfill", KillPoint("commit", 2)).killed
    assert tables_in(database_url) >= set(MIRROR)
    subject.run("backfill").well()
    subject.check()


def tables_in(database_url: str) -> set[str]:
    """The tables that a database has; to look makes none."""
    database = Database(database_url)
    try:
        with database.read() as connection:
            return set(inspect(connection).get_table_names())
    finally:
        database.close()
