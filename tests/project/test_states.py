"""One vocabulary of states: their words are written in one module, everybody else names the members."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from syncer.domain.streams.state import IntegrationState, Outcome, StreamState
from tests.support.for_each import for_each

ROOT = Path(__file__).parents[2] / "syncer"
VOCABULARY = "domain/streams/state.py"
WORDS = {str(member) for states in (StreamState, Outcome, IntegrationState) for member in states}
#: The same words where they say something else.
OTHER_MEANINGS = {
    "cli/output.py": {"incomplete"},  # outcome of a whole command
    "daemon/web/pages.py": {"unavailable"},  # answer of the health check
    "daemon/web/vitals.py": {"ready"},  # answer of /readyz
    "domain/alerts/trouble.py": {"held"},  # a kind of alerts
    "domain/deliveries/delivery.py": {"new", "stopped"},  # states of deliveries
    "domain/gateway/outcome.py": {"gone", "unavailable"},  # ends of a call at the gateway
    "domain/verification/difference.py": {"skipped"},  # a verdict about a stream
    "simulator/company/records.py": {"gone"},  # a word of made-up sentences
    "store/schema/key_tables.py": {"waiting"},  # a column of the request budget
    "store/state/budget.py": {"waiting"},
}


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """(line, word) for every literal that may be a state: not members of JSON documents, read or made."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    members = {id(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            # A document has other members, too; a table of states has none.
            members |= {id(key) for key in node.keys if names - WORDS}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in WORDS and id(node) not in members:
            yield node.lineno, str(node.value)


@for_each("path", sorted(ROOT.rglob("*.py")))
def test_no_state_is_written_as_a_literal(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if name == VOCABULARY:
        assert {word for _, word in literals(path)} >= WORDS
        return
    found = list(literals(path))
    assert {word for _, word in found} == OTHER_MEANINGS.get(name, set()), found
