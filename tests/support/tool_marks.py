"""Tests that need a program of other people's run where it is; continuous integration must have it.

Plugin of pytest.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest

from tests.support.tools import TOOLS, path_of

LEFT_OUT = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tool(name): needs this program, one of tests/support/tools.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the tests whose program is missing."""
    left_out = config.stash.setdefault(LEFT_OUT, Counter[str]())
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        names = [mark.args[0] for mark in item.iter_markers("tool")]
        absent = next((name for name in names if path_of(name) is None), None)
        (kept if absent is None else dropped).append(item)
        if absent is not None:
            left_out[absent] += 1
    if left_out and os.environ.get("CI"):
        raise pytest.UsageError(f"{', '.join(left_out)} is missing: `make tools` installs it")
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints the summary, where this one is not it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash.get(LEFT_OUT, {}))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it from a process that has run tests; each of them has collected the same ones."""
    node.config.stash[LEFT_OUT] = Counter(getattr(node, "workeroutput", {}).get("left_out", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line what was left out."""
    for tool, tests in config.stash.get(LEFT_OUT, Counter[str]()).items():
        terminalreporter.write_line(f"{tests} tests that need {tool} were left to CI ({TOOLS[tool]}).")
