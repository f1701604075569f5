"""The pages about architecture and security name files, folders and functions that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "security.md"]

#: A file or folder in code style, such as `sync/page.py` or `domain/native/paging/`.
PATH = re.compile(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|json|md|toml))?)`")


def exists(path: str) -> bool:
    return any((base / path).exists() for base in (ROOT, ROOT / "syncer"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_folder_of_the_page_exists(page: Path) -> None:
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    assert named
    assert sorted(path for path in named if not exists(path)) == []


def test_every_layer_and_folder_of_the_drawing_exists_and_none_is_left_out() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    tree = text.split("syncer/\n", 1)[1].split("```", 1)[0]
    drawn: set[Path] = set()
    layer = ROOT / "syncer"
    for indent, name in re.findall(r"^( {2}| {4})([a-z_]+)/", tree, re.MULTILINE):
        if len(indent) == 2:
            layer = ROOT / "syncer" / name
        drawn.add(layer if len(indent) == 2 else layer / name)
    folders = {path.parent for path in (ROOT / "syncer").glob("*/__init__.py")}
    inner = {path.parent for path in (ROOT / "syncer").glob("*/*/__init__.py")}
    # Those of daemon and simulator stand behind their layer's line.
    inner = {path for path in inner if path.parent.name not in {"daemon", "simulator"}}
    assert drawn == folders | inner


def test_every_step_of_the_way_of_a_page_is_a_function_of_that_file() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    steps = re.findall(r"^((?:sync|store)/[a-z_/]+\.py) +(\w+)", text, re.MULTILINE)
    assert [path for path, _ in steps][:2] == ["sync/run.py", "sync/walks.py"]
    for path, name in steps:
        code = (ROOT / "syncer" / path).read_text(encoding="utf-8")
        assert re.search(rf"^(?:async def|def|class) {name}\b", code, re.MULTILINE), (path, name)
