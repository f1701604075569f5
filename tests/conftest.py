"""Setup of all tests: the fixtures that several folders need, hypothesis profiles, the collector."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

#: Far off UTC, by no whole hours and with summer time, to show what takes local time for UTC. Programs that
#: tests start and sessions of PostgreSQL have it, too.
TIME_ZONE = "Pacific/Chatham"
os.environ.update(TZ=TIME_ZONE, PGTZ=TIME_ZONE)
time.tzset()

# Programs that tests start read what was compiled once, also where the machine is set up to keep nothing:
# compiling takes as long as all the rest of a start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Before anything of it is imported: what it asserts is to be explained as in a test.
pytest.register_assert_rewrite("tests.support")

pytest_plugins = (
    "tests.support.tool_marks",
    "tests.support.environment",
    "tests.support.databases",
    "tests.support.readers",
    "tests.support.pgbouncer",
    "tests.support.outages",
    "tests.support.world",
    "tests.support.processes",
    "tests.support.proxies",
    "tests.support.readme",
    "tests.support.receivers",
    "tests.support.command_line",
)

TESTS = Path(__file__).parent
#: Folders whose tests mirror whole companies, start the program, kill it or drive long histories, and files
#: that start programs, build packages, make all tables anew for each test, or read by the official SDK.
SLOW = [
    TESTS / name
    for name in (
        "cli",
        "daemon",
        "docs",
        "environments",
        "library",
        "operations",
        "planning/test_native_cost.py",
        "planning/test_simulated_freshness.py",
        "project/test_new_model.py",
        "project/test_packaging.py",
        "project/test_time_zone.py",
        "queries",
        "reliability",
        "schema_reference/test_dbt_sources.py",
        "schema_reference/test_introspection.py",
        "schema_reference/test_script_models.py",
        "schema_reference/test_sqlalchemy_models.py",
        "project/test_drift.py",
        "simulator/server/test_sdk.py",
        "store/db/test_database.py",
        "store/schema/test_grants.py",
        "store/schema/test_history_tables.py",
        "store/schema/test_migrate.py",
        "store/schema/test_other_views.py",
        "store/schema/test_native_grants.py",
        "store/schema/test_powers.py",
        "store/schema/test_reader_attempts.py",
        "store/schema/test_readers.py",
        "store/schema/test_rights.py",
        "sync",
    )
]
#: What of them is quick all the same, so that the fast tests reach every layer.
QUICK = [
    TESTS / name
    for name in (
        "cli/test_help.py",
        "daemon/test_schedule.py",
        "daemon/web/test_access.py",
        "daemon/web/test_page.py",
        "daemon/web/test_server.py",
        "daemon/web/test_shared_query.py",
        "docs/test_links.py",
        "docs/test_made_pages.py",
        "docs/test_names.py",
        "sync/test_filters.py",
        "sync/test_permits.py",
    )
]

#: What takes longest begins first, a file of each in turn: so those that compute run beside those that wait,
#: and no process is left alone with one of them at the end.
LONGEST = [
    TESTS / name
    for name in ("reliability", "docs", "daemon", "schema_reference", "sync", "project", "queries")
]

# The runs share their machine with others: a slow example is no failure.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests by their place, for `make test-fast`; order all for the processes that share them."""
    for path in (*SLOW, *QUICK, *LONGEST):
        if not path.exists():
            raise pytest.UsageError(f"{__file__} names {path}, which does not exist")
    for item in items:
        places = {item.path, *item.path.parents}
        if places.intersection(SLOW) and not places.intersection(QUICK):
            item.add_marker(pytest.mark.slow)
    turns = _turns(dict.fromkeys(item.path for item in items))
    items.sort(key=lambda item: (turns[item.path], item.get_closest_marker("slow") is None))


def _turns(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Give the place of each file in the order in which they begin."""
    turns: dict[Path, tuple[int, int]] = {}
    begun = Counter[Path]()
    for file in files:
        folder = next((each for each in LONGEST if each in file.parents), None)
        if folder is None:
            turns[file] = (sys.maxsize, 0)
        else:
            turns[file] = (begun[folder], LONGEST.index(folder))
            begun[folder] += 1
    return turns


def pytest_configure() -> None:
    """Let programs that tests start hear Ctrl-C, also where the tests run in a shell's background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let the collector look seldom, and not at modules and tests: a seventh of the time went into it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
