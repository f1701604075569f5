"""docs/log.md: the events that the program logs, all of them and no others, with their levels."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (`[a-z_`, ]+`) \| ([a-z, ]+) \| .+ \|$", re.MULTILINE)
WORD = re.compile(r"[a-z]+(_[a-z]+)+|reprojected")
LEVELS = {"debug", "info", "warning", "error"}


def documented() -> dict[str, set[str]]:
    """Levels of each event of the page."""
    page = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    return {
        event: set(levels.split(", "))
        for events, levels in ROW.findall(page)
        for event in re.findall(r"`(\w+)`", events)
    }


def logged() -> dict[str, set[str]]:
    """Levels of each event of the program; none where they are computed."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in (ROOT / "syncer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Dict):
                # What the log says of itself is no call of it.
                for key, value in zip(node.keys, node.values, strict=True):
                    if (
                        isinstance(key, ast.Constant)
                        and key.value == "msg"
                        and isinstance(value, ast.Constant)
                    ):
                        found[str(value.value)] |= set()
                continue
            if not isinstance(node, ast.Call) or not node.args:
                continue
            match node.func:
                case ast.Attribute(value=ast.Name(id="log" | "bound"), attr=name):
                    levels = {name} & LEVELS
                case ast.Name(id="tell"):
                    levels = set[str]()
                case _:
                    continue
            for part in (each for argument in node.args for each in ast.walk(argument)):
                if isinstance(part, ast.Constant) and WORD.fullmatch(str(part.value)):
                    found[str(part.value)] |= levels
    return found


def test_the_page_names_every_event_that_is_logged_and_no_other() -> None:
    assert set(documented()) == set(logged())


def test_the_page_has_the_levels_of_the_events() -> None:
    told = documented()
    assert {event: levels - told[event] for event, levels in logged().items() if levels - told[event]} == {}
    assert set().union(*told.values()) == LEVELS
