"""The documentation as a site: every page is in it, and all of it works from a folder without a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from documents.site.build import main
from documents.site.contents import parts
from documents.site.markdown import page_of_site
from tests.support.browser import Tab, running_browser

DOCS = Path(__file__).parents[2] / "docs"
#: What a browser fetches by itself, unlike the address of a link.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*?\ssrc="([^"]+)"|<link\b[^>]*?\shref="([^"]+)"|url\(["']?([^"')]+)"""
)


def test_the_contents_list_every_page_once() -> None:
    contents = parts((DOCS / "README.md").read_text(encoding="utf-8"))
    listed = [path for part in contents for _, path in part.pages]
    inside = sorted(path for path in listed if "/" not in path)
    assert inside == sorted(each.name for each in DOCS.glob("*.md") if each.name != "README.md")
    assert len(listed) == len(set(listed))


def test_links_lead_to_the_place_of_a_file_in_the_site_and_code_stays_as_it_is() -> None:
    page = "See [it](../SECURITY.md#how) and [that](#here).\n\n```text\n[no](link.md)\n```\n[a](https://x.example/y)\n"
    moved = page_of_site(page, "docs", lambda path: {"SECURITY.md": "SECURITY.md"}[path])
    assert moved == page.replace("../SECURITY.md", "SECURITY.md")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with warnings as errors: of links and anchors that lead nowhere, too."""
    folder = tmp_path_factory.mktemp("site") / "site"
    assert main([str(folder)]) == 0
    return folder


def test_nothing_of_the_site_comes_from_elsewhere(site: Path) -> None:
    fetched = {
        address
        for file in (*site.glob("*.html"), *site.rglob("*.css"))
        for found in FETCHED.findall(file.read_text(encoding="utf-8"))
        for address in found
        if address
    }
    assert len(fetched) > 10
    assert [each for each in fetched if re.match(r"(?!data:)(\w+:|//)", each)] == []


@pytest.mark.tool("chromium")
def test_a_search_from_the_folder_without_a_network_finds_pages(site: Path) -> None:
    with running_browser() as browser:
        tab = Tab(browser, f"file://{site}/", offline=True)
        page = tab.open("search.html?q=watermark")
        expect(page.get_by_role("link", name="Concepts").last).to_be_visible()
        page.get_by_role("link", name="Concepts").last.click()
        expect(page.get_by_role("heading", name="Concepts")).to_be_visible()
        assert tab.messages == []
        tab.close()
