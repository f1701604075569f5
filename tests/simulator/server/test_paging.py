"""Pages: sizes, orders, cursors, and what a walk sees when records change under it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal

import httpx
import pytest
from msgspec.structs import replace

from syncer.domain.catalogue.lookup import model_named
from syncer.domain.catalogue.model import Features
from syncer.simulator.clock import SimClock
from syncer.simulator.company.company import Company
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.paging import Paging, whole_list
from syncer.simulator.server.query import read_query

Get = Callable[..., Awaitable[httpx.Response]]
Walk = Callable[..., Awaitable[list[dict[str, Any]]]]

WAYS = [
    Paging(),
    Paging(style="offset"),
    Paging(order="changed_at"),
    Paging(order="changed_at", style="offset"),
    Paging(short_pages=True),
]


def _way(paging: Paging) -> str:
    return f"{paging.order}-{paging.style}{'-short' * paging.short_pages}"


@pytest.mark.parametrize("paging", WAYS, ids=_way)
@pytest.mark.parametrize("page_size", [1, 3, 250])
async def test_every_way_of_paging_shows_every_record_once(
    environment: Environment, company: Company, walk: Walk, paging: Paging, page_size: int
) -> None:
    environment.paging = paging
    rows = await walk("hris_employees", include_deleted="true", page_size=page_size)
    key: Literal["changed_at", "id"] = paging.order
    assert sorted(rows, key=lambda row: str(row["id"])) == company.rows("hris_employees")
    assert [row[key] for row in rows] == sorted(row[key] for row in rows)


async def test_a_page_has_100_records_unless_told(
    environment: Environment, get: Get, clock: SimClock
) -> None:
    environment.add(Company("personio:8d1hpPsbjxUkoCoa1veLZGe5", clock, records=4_000))
    assert len((await get("hris_employees")).json()["data"]["results"]) == 100
    assert len((await get("hris_employees", page_size=150)).json()["data"]["results"]) == 150


async def test_the_last_full_page_has_no_next(company: Company, get: Get) -> None:
    count = len(company.ids("hris_employees"))
    assert (await get("hris_employees", page_size=count)).json()["data"]["next"] is None
    assert (await get("hris_employees", page_size=count - 1)).json()["data"]["next"] is not None


async def test_short_pages_have_fewer_records_and_a_next(environment: Environment, get: Get) -> None:
    environment.paging = Paging(short_pages=True)
    data = (await get("hris_employees", page_size=9)).json()["data"]
    assert len(data["results"]) == 6
    assert data["next"] is not None


async def test_a_cursor_is_a_position_and_carries_no_filter(company: Company, get: Get) -> None:
    first = (await get("hris_employees", page_size=2, include_deleted="true")).json()["data"]
    other = (await get("hris_groups", page_size=250, cursor=first["next"])).json()["data"]
    last = first["results"][-1]["id"]
    assert [row["id"] for row in other["results"]] == [id for id in company.ids("hris_groups") if id > last]


def test_a_list_without_paging_gives_all_rows_whatever_is_asked(company: Company) -> None:
    features = Features(paging=False, updated_after=False, include_deleted=False)
    model = replace(model_named("hris_groups"), features=features)
    asked = {"page_size": "1", "cursor": "x", "updated_after": "?", "include_deleted": "?"}
    page = whole_list(company.tables, model.name, read_query(model, asked))
    assert ([each.id for each in page.records], page.next) == (company.ids(model.name), None)


async def test_the_hook_between_pages_changes_data_in_the_middle_of_a_walk(
    environment: Environment, company: Company, get: Get, walk: Walk
) -> None:
    last = company.ids("hris_employees")[-1]
    seen: list[int | None] = []

    def rename(asked: Any) -> None:
        seen.append(asked.page)
        company.update("hris_employees", last, first_name=f"after page {asked.page}")

    environment.between_pages = rename
    assert (await get("hris_employees", page_size=0)).status_code == 400
    assert seen == [], "there is no page yet"
    rows = await walk("hris_employees", page_size=10)
    assert rows[-1]["first_name"] == f"after page {seen[-2]}"
    assert seen == list(range(1, len(seen) + 1))


async def test_in_changed_at_order_a_record_that_changes_is_seen_twice(
    environment: Environment, company: Company, walk: Walk, clock: SimClock
) -> None:
    environment.paging = Paging(order="changed_at")
    first = company.tables.by_change("hris_employees")[0][1]
    clock.advance(timedelta(minutes=1))

    def touch(asked: Any) -> None:
        if asked.page == 1:
            company.update("hris_employees", first)

    environment.between_pages = touch
    rows = await walk("hris_employees", include_deleted="true", page_size=10)
    assert [row["id"] for row in rows].count(first) == 2


async def test_with_offsets_a_record_that_leaves_hides_another(
    environment: Environment, company: Company, walk: Walk
) -> None:
    environment.paging = Paging(style="offset")
    ids = company.ids("hris_employees")

    def delete(asked: Any) -> None:
        if asked.page == 1:
            company.delete("hris_employees", ids[0])

    environment.between_pages = delete
    rows = await walk("hris_employees", page_size=10)
    assert [row["id"] for row in rows] == ids[:10] + ids[11:]


async def test_the_key_of_a_keyset_cursor_may_be_gone(
    environment: Environment, company: Company, walk: Walk
) -> None:
    ids = company.ids("hris_employees")

    def vanish(asked: Any) -> None:
        if asked.page == 1:
            company.vanish("hris_employees", ids[9])

    environment.between_pages = vanish
    rows = await walk("hris_employees", page_size=10)
    assert [row["id"] for row in rows] == ids
