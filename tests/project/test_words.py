"""Docstrings of the program begin with what the thing does or is, in the field's terms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.for_each import for_each

SYNCER = Path(__file__).parents[2] / "syncer"
FILES = sorted(SYNCER.rglob("*.py"))

#: A clause in place of a verb or a noun: the reader learns how it is used before what it is.
CLAUSE = re.compile(
    r"(What|Who|Whose|Whether|Whoever|Whatever|How|Which|Where|When|If|As far|So many|Those|Such|It|They)\b"
)


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """(name, first line) of every docstring of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", path.stem), text.splitlines()[0]


@for_each("path", FILES)
def test_no_docstring_begins_with_a_clause(path: Path) -> None:
    assert [each for each in docstrings(path) if CLAUSE.match(each[1])] == []


def test_every_module_says_what_it_holds() -> None:
    silent = [path for path in FILES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_whoever_greps_for_a_term_of_the_field_finds_its_room() -> None:
    rooms = {
        "heartbeat": "sync/lease.py",
        "fence": "sync/lease.py",
        "prefetch": "sync/page_loop.py",
        "checkpoint": "sync/page.py",
        "round-robin": "domain/scheduling/fairness.py",
        "queue": "sync/permits.py",
        "throttle": "sync/permits.py",
        "backoff": "kombo/retry.py",
        "watermark": "domain/streams/decisions.py",
        "upsert": "store/records/write.py",
    }
    missing = [
        (term, room) for term, room in rooms.items() if term not in (SYNCER / room).read_text("utf-8").lower()
    ]
    assert missing == []
