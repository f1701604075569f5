"""Links of pages lead somewhere: to pages, anchors and files that are there, or to a well-formed address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.pages import ROOT, anchors, links, pages

#: What names pages besides the pages themselves.
NAMING = ("benchmarks", "deploy", "documents", "migrations", "syncer")
FILES = ("Dockerfile", "Makefile", "compose.yaml", "config.example.toml", "pyproject.toml")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_of_the_page_leads_to_a_file_and_an_anchor_of_it(page: Path) -> None:
    lost = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_address_of_the_page_is_well_formed(page: Path) -> None:
    addresses = [link for link in links(page) if re.match(r"\w+:", link)]
    faulty = []
    for address in addresses:
        parts = urlsplit(address)
        is_here = parts.scheme == "http" and parts.hostname == "127.0.0.1"
        is_there = parts.scheme == "https" and "." in (parts.hostname or "") and parts.username is None
        if not (is_here or is_there) or not re.fullmatch(r"[!-~]+", address):
            faulty.append(address)
    assert faulty == []


def naming() -> Iterator[Path]:
    """Text files that may name a page."""
    yield from (ROOT / name for name in FILES)
    for folder in NAMING:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".html", ".json", ".md", ".service", ".sql", ".timer", ".yaml", ".yml"}:
                yield path


def test_every_page_that_a_file_names_is_there_with_its_anchor() -> None:
    lost = []
    for path in naming():
        for name, anchor in re.findall(
            r"\bdocs/([a-z-]+\.md)(?:#([\w-]+))?", path.read_text(encoding="utf-8")
        ):
            page = ROOT / "docs" / name
            if not page.exists() or (anchor and anchor not in anchors(page)):
                lost.append((str(path.relative_to(ROOT)), f"{name}#{anchor}"))
    assert lost == []
