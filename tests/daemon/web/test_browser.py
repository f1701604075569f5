"""The status page in a real browser: for everybody's eyes and hands, and current without a reload."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import delete, update

from syncer.app import App
from syncer.config.settings import Settings
from syncer.daemon.web.page.grid import ROWS
from syncer.store.schema.mirror_tables import missing, quarantine, streams
from tests.support.browser import Tab, running_browser
from tests.support.databases import migrated_database
from tests.support.served_pages import served
from tests.support.showcase import HELD_MODEL, QUARANTINE_MODEL, fill, history, integration_id

pytestmark = [pytest.mark.tool("chromium"), pytest.mark.tool("axe")]

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DARK = {"color_scheme": "dark"}
FIRST = integration_id(0)
#: Width of the page beyond that of the window: whoever looks would have to scroll to both sides.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Mirror:
    """A mirror of so many integrations, and its pages."""

    def __init__(self, app: App, url: str) -> None:
        self.app, self.url = app, url

    def change(self, *statements: Any) -> None:
        """Change its tables, as a run does."""
        with self.app.database.begin() as connection:
            for each in statements:
                connection.execute(each)


MakeMirror = Callable[..., Mirror]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all of these tests."""
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def mirror(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeMirror]:
    """Makes mirrors, each once: by number of integrations and kind of database."""
    made: dict[tuple[int, str], Mirror] = {}
    with ExitStack() as stack:

        def make(number: int, dialect: str = "sqlite") -> Mirror:
            if (number, dialect) not in made:
                folder = tmp_path_factory.mktemp("mirror")
                url = stack.enter_context(migrated_database(request, dialect, folder))
                tables: dict[str, Any] = {
                    "kombo": {"api_key": "key"},
                    "database": {"url": url},
                    "integrations": [{"id": integration_id(each)} for each in range(number)],
                    "web": {"port": 0},
                }
                app = App(Settings(**tables))
                # Of a thousand a few models are enough to see how many rows there are.
                fill(
                    app,
                    models=("hris_*", "ats_*") if number < 100 else ("hris_groups", "hris_a*", "ats_jobs"),
                )
                made[number, dialect] = Mirror(app, stack.enter_context(served(app, history(app))))
            return made[number, dialect]

        yield make


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Tab]]:
    """Opens tabs; at the end none of them may have a message in its console."""
    opened: list[Tab] = []

    def open_tab(mirror: Mirror, **look: Any) -> Tab:
        opened.append(Tab(browser, mirror.url, **{**WIDE, **look}))
        return opened[-1]

    yield open_tab
    for each in opened:
        assert each.messages == []
        each.close()


@pytest.mark.parametrize(
    ("number", "look", "path"),
    [
        (0, {}, "/"),
        (3, {}, "/"),
        (12, {}, "/"),
        (12, DARK, "/"),
        (12, PHONE, "/"),
        (12, {}, f"/integrations/{FIRST}"),
        (12, {**PHONE, **DARK}, f"/integrations/{FIRST}/{HELD_MODEL}"),
        (12, {}, f"/integrations/{FIRST}/{QUARANTINE_MODEL}"),
        (1_000, {}, "/"),
        (1_000, PHONE, "/?q=personio"),
    ],
)
def test_everybody_can_read_each_page_on_each_screen(
    mirror: MakeMirror, tab: Callable[..., Tab], number: int, look: dict[str, Any], path: str
) -> None:
    opened = tab(mirror(number), **look)
    page = opened.open(path)
    assert opened.violations() == []
    assert page.evaluate(OVERFLOW) == 0
    assert page.get_by_role("heading", level=1).count() == 1


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_change_arrives_without_a_reload_and_leaves_the_reader_where_he_is(
    mirror: MakeMirror, tab: Callable[..., Tab], dialect: str
) -> None:
    there = mirror(12, dialect)
    opened = tab(there)
    page = opened.open("/")
    page.evaluate("window.isTheSame = true")
    expect(page.get_by_role("heading", level=1)).to_contain_text("20 of 360 streams need a look.")
    link = page.get_by_role("link", name="Falken Energie")
    link.focus()
    page.fill("#q", "e")
    link.focus()
    selected = page.get_by_role("heading", name="Latest runs")
    page.evaluate("element => document.getSelection().selectAllChildren(element)", selected.element_handle())
    scrolled = page.evaluate("window.scrollTo(0, 600), window.scrollY")

    held = streams.c.model == HELD_MODEL
    there.change(
        update(streams).where(held, streams.c.integration_id == FIRST).values(state="complete"),
        delete(missing),
        delete(quarantine),
        update(streams).where(streams.c.model == "hris_groups").values(rows_live=streams.c.rows_live + 1),
    )
    opened.ask_now()
    expect(page.get_by_role("heading", level=1)).to_contain_text("18 of 360 streams need a look.")
    expect(page).to_have_title("(18) syncer")

    assert page.evaluate("window.isTheSame")
    assert page.evaluate("document.activeElement.textContent") == "Falken Energie"
    assert page.evaluate("document.getSelection().toString()") == "Latest runs"
    assert page.input_value("#q") == "e"
    # What stands above it is lower now: what the reader looks at stays, or moves by nothing that he sees.
    moved = page.evaluate("window.scrollY") - scrolled
    assert link.bounding_box() is not None
    assert moved <= 0


def test_what_is_selected_is_not_taken_away_and_comes_up_to_date_afterwards(
    mirror: MakeMirror, tab: Callable[..., Tab]
) -> None:
    there = mirror(3)
    opened = tab(there)
    page = opened.open("/")
    figure = page.locator("dt", has_text="live rows").locator("xpath=following-sibling::dd")
    before = figure.inner_text()
    page.evaluate("element => document.getSelection().selectAllChildren(element)", figure.element_handle())
    there.change(update(streams).values(rows_live=streams.c.rows_live + 1_000))
    with page.expect_response(lambda answer: answer.status == 200 and "verdict" in answer.text()):
        opened.ask_now()
    assert page.evaluate("document.getSelection().toString()").strip() == before
    assert figure.inner_text() == before
    page.evaluate("document.getSelection().removeAllRanges()")
    opened.ask_now()
    expect(figure).not_to_have_text(before)


def test_updates_can_be_paused(mirror: MakeMirror, tab: Callable[..., Tab]) -> None:
    opened = tab(mirror(3))
    page = opened.open("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Pause updates").click()
    expect(page.locator("#read")).to_contain_text("Paused at")
    opened.ask_now()
    with page.expect_response("**/healthz"):
        page.evaluate("fetch('/healthz')")
    # Its pictures come when they come.
    assert [url for url in asked if "/assets/" not in url and not url.endswith("/healthz")] == []
    with page.expect_response(lambda answer: answer.status in (200, 204)):
        page.get_by_role("button", name="Resume updates").click()


def test_a_page_says_that_it_is_not_current_once_the_service_does_not_answer(
    browser: Browser, tmp_path: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "mirror.db")
    tables: dict[str, Any] = {
        "kombo": {"api_key": "key"},
        "database": {"url": f"sqlite:///{tmp_path / 'mirror.db'}"},
        "web": {"port": 0},
    }
    with served(App(Settings(**tables))) as url:
        opened = Tab(browser, url, **WIDE)
        page = opened.open("/")
        expect(page.locator("#lost")).to_be_empty()
    opened.ask_now()
    expect(page.locator("#lost")).to_have_text("Not current: the service does not answer.")
    # What it knew stays where it was.
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing is mirrored yet.")
    opened.close()


def test_one_of_a_thousand_integrations_is_found_by_what_one_types(
    mirror: MakeMirror, tab: Callable[..., Tab]
) -> None:
    wanted = integration_id(617)
    opened = tab(mirror(1_000))
    page = opened.open("/")
    rows = page.locator("table.grid tbody tr")
    expect(rows).to_have_count(ROWS)
    page.get_by_label("Find an integration").press_sequentially(wanted[-10:])
    expect(rows).to_have_count(1)
    expect(page.get_by_text("1 of 1,000 integrations")).to_be_visible()
    # Whoever loads the page anew, or sends its address to somebody, finds the same.
    assert wanted[-10:] in page.url
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("Find an integration").fill("")
    page.get_by_label("Show").select_option("trouble")
    expect(page.get_by_text("51 of 1,000 integrations, 1 to 25")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 3")).to_be_visible()


def test_everything_can_be_reached_and_used_by_keyboard(mirror: MakeMirror, tab: Callable[..., Tab]) -> None:
    opened = tab(mirror(12))
    page = opened.open("/")
    count = """[...document.querySelectorAll("a, button, input, select, [tabindex]")]
      .filter(each => each.tabIndex >= 0 && each.checkVisibility()).length"""
    reachable = page.evaluate(count)
    reached = set()
    for _ in range(reachable):
        page.keyboard.press("Tab")
        shown = page.evaluate(
            """() => { const each = document.activeElement, style = getComputedStyle(each);
            window.reached ??= new Map(); if (!reached.has(each)) reached.set(each, reached.size);
            return [reached.get(each), each !== document.body && style.outlineStyle !== "none"]; }"""
        )
        assert shown[1], page.evaluate("document.activeElement.outerHTML")
        reached.add(shown[0])
    assert len(reached) == reachable
    page.get_by_role("link", name="Falken Energie").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(integration_id(5))


def test_a_command_is_copied_with_a_key(mirror: MakeMirror, tab: Callable[..., Tab]) -> None:
    opened = tab(mirror(12), permissions=["clipboard-read", "clipboard-write"])
    page = opened.open(f"/integrations/{FIRST}/{QUARANTINE_MODEL}")
    command = f"syncer sync --integration {FIRST} --model {QUARANTINE_MODEL}"
    page.get_by_role("button", name=f"Copy: {command}").press("Enter")
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == command
