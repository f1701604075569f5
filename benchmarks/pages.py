"""A page server: pages of employees rendered once, served from memory, in a process of its own.

    python -m benchmarks.pages RECORDS [--changed N] [--limit REQUESTS --window SECONDS [--other REQUESTS]]

Understands what a load needs: ``cursor``, ``updated_after`` (gives the changed share), ``ids`` (all are
gone) and the two general endpoints; every integration has a list of its own. Besides: ``POST /change``
makes one row in N (a hundred) differ, ``GET /told`` says how many requests, refusals and bytes of bodies
there have been since it was last asked, and the seconds from the first request to the last.
"""

from __future__ import annotations

import argparse
import json
import socket
import time
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from syncer.simulator.server.limit import RateLimit

PAGE = 250
#: One row in so many counts as changed.
CHANGED_SHARE = 100
#: The integration that is measured, and how many there are.
INTEGRATION = "bench:000000000000000000000000"
INTEGRATIONS = 3
#: Pages that are rendered; longer lists repeat them with other ids.
RENDERED = 80
#: What the ids of the rendered pages begin with.
_PREFIX = b'"00000000'
_REFUSAL = {"status": "error", "error": {"code": "PLATFORM.RATE_LIMIT_EXCEEDED", "message": "Too many."}}


def employee(number: int, version: int) -> dict[str, object]:
    """A record of about 2 kB with what an employee usually carries."""
    key = f"{number:024d}"
    return {
        "id": key,
        "remote_id": str(number),
        "employee_number": str(number),
        "first_name": f"First{number % 997}",
        "last_name": f"Last{number % 1999}",
        "display_full_name": f"First{number % 997} Last{number % 1999}",
        "job_title": f"Engineer {version}",
        "work_email": f"person{number}@example.com",
        "employment_status": "ACTIVE",
        "employment_type": "FULL_TIME",
        "weekly_hours": 38.5,
        "start_date": "2020-01-01T00:00:00.000Z",
        "date_of_birth": "1990-05-17T00:00:00.000Z",
        "manager_id": f"{number // 10:024d}",
        "work_location_id": f"{number % 50:024d}",
        "legal_entity_id": f"{number % 7:024d}",
        "home_address": {"city": "Berlin", "country": "DE", "raw": "x" * 200, "street_1": "Street 1"},
        "custom_fields": {f"field_{index}": f"value {index} of {number}" for index in range(8)},
        "integration_fields": [],
        "remote_data": None,
        "employments": [
            {
                "id": f"{number * 2 + index:024d}",
                "employee_id": key,
                "job_title": "Engineer",
                "pay_rate": 65000.5,
                "pay_currency": "EUR",
                "effective_date": "2021-01-01T00:00:00.000Z",
                "changed_at": "2026-01-01T00:00:00.000Z",
                "remote_deleted_at": None,
            }
            for index in range(2)
        ],
        "groups": [
            {"id": f"{(number + step) % 40:024d}", "remote_id": "g", "name": "Group", "type": "TEAM"}
            for step in range(2)
        ],
        "changed_at": "2026-01-01T00:00:00.000Z",
        "remote_deleted_at": None,
    }


class Pages:
    """The lists, and what was asked of them.

    other: so many requests of every window are somebody else's, one after each of ours as long as they last.
    """

    def __init__(self, records: int, share: int, limit: RateLimit | None, other: int) -> None:
        self.records = records
        self.share = share
        self.version = 0
        self.limit = limit
        self.other = other
        self._others = 0
        self._told = {"requests": 0, "refused": 0, "bytes": 0}
        self._times: list[float] = []
        self._pages: list[bytes] = []
        self._render()

    def change(self) -> None:
        """Make one row in so many differ from now on."""
        self.version += 1
        self._render()

    def page(self, number: int, integration: int) -> bytes:
        """The body of a page, counted from 0."""
        following = str(number + 1) if (number + 1) * PAGE < self.records else None
        cycle, place = divmod(number, len(self._pages))
        body = self._pages[place].replace(_PREFIX, b'"%04d%04d' % (integration, cycle))
        return body + json.dumps(following).encode() + b"}}"

    def changed(self, number: int) -> bytes:
        """The body of a page of what has changed, counted from 0."""
        numbers = range(0, self.records if self.version else 0, self.share)
        start, end = number * PAGE, (number + 1) * PAGE
        following = str(number + 1) if end < len(numbers) else None
        return self._rendered(numbers[start:end]) + json.dumps(following).encode() + b"}}"

    def served(self, body: bytes) -> Response:
        """An answer under the limit."""
        self._told["requests"] += 1
        self._times.append(time.monotonic())
        headers = {"date": formatdate(usegmt=True)}
        if self.limit is not None:
            allowed = self._spend(self.limit)
            headers |= self.limit.headers()
            if not allowed:
                self._told["refused"] += 1
                return JSONResponse(_REFUSAL, 429, headers)
        self._told["bytes"] += len(body)
        return Response(body, media_type="application/json", headers=headers)

    def told(self) -> dict[str, float]:
        """The counts so far, which begin anew."""
        said = {**self._told, "seconds": self._times[-1] - self._times[0] if self._times else 0.0}
        self._told = dict.fromkeys(self._told, 0)
        self._times.clear()
        return said

    def _spend(self, limit: RateLimit) -> bool:
        if limit.used == 0:
            self._others = 0
        allowed = limit.spend()
        if self._others < self.other and limit.used < limit.limit:
            self._others += limit.spend()
        return allowed

    def _render(self) -> None:
        records = min(self.records, RENDERED * PAGE)
        self._pages = [
            self._rendered(range(start, min(start + PAGE, records))) for start in range(0, records, PAGE)
        ]

    def _rendered(self, numbers: range) -> bytes:
        rows = [employee(number, self.version if number % self.share == 0 else 0) for number in numbers]
        return b'{"status": "success", "data": {"results": %s, "next": ' % json.dumps(rows).encode()


def application(pages: Pages) -> Starlette:
    """The list over HTTP."""

    async def employees(request: Request) -> Response:
        cursor = request.query_params.get("cursor")
        if "ids" in request.query_params:
            # Whoever asks for single records misses them in the list: they are gone.
            return pages.served(b'{"status": "success", "data": {"results": [], "next": null}}')
        if "updated_after" in request.query_params:
            return pages.served(pages.changed(int(cursor or 0)))
        integration = int(request.headers["x-integration-id"][-4:])
        return pages.served(pages.page(int(cursor or 0), integration))

    async def change(_: Request) -> Response:
        pages.change()
        return Response(status_code=204)

    async def told(_: Request) -> Response:
        return JSONResponse(pages.told())

    async def key(_: Request) -> Response:
        return pages.served(b'{"status": "success", "data": {"environment_id": "bench"}}')

    async def integration(request: Request) -> Response:
        said = {
            "id": request.path_params["id"],
            "category": "HRIS",
            "status": "ACTIVE",
            "setup_status": "COMPLETED",
            "read_models": [{"id": "hris_employees", "is_available": True}],
        }
        return pages.served(json.dumps({"status": "success", "data": said}).encode())

    return Starlette(
        routes=[
            Route("/v1/hris/employees", employees),
            Route("/v1/check-api-key", key),
            Route("/v1/integrations/{id}", integration),
            Route("/change", change, methods=["POST"]),
            Route("/told", told),
        ]
    )


def main() -> None:
    """Serve so many records on a free port of this host, and say which."""
    parser = argparse.ArgumentParser()
    parser.add_argument("records", type=int)
    parser.add_argument("--changed", type=int, default=CHANGED_SHARE)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--window", type=float, default=60.0)
    parser.add_argument("--other", type=int, default=0)
    asked = parser.parse_args()
    limit = RateLimit(time.monotonic, limit=asked.limit, window=asked.window) if asked.limit else None
    # asyncio sends at once on sockets that say TCP; on others a body waits 40 ms until its head is confirmed.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    served = application(Pages(asked.records, asked.changed, limit, asked.other))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(served, log_level="error", access_log=False, date_header=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
