"""A page server: pages of employees rendered once, served from memory, in a process of its own.

Understands what a load needs: ``cursor``, ``updated_after`` (gives the changed share) and the two general
endpoints.
"""

from __future__ import annotations

import json
import socket
import sys
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PAGE = 250
#: One row in so many counts as changed.
CHANGED_SHARE = 100
INTEGRATION = "bench:000000000000000000000000"


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


def application(records: int) -> Starlette:
    """All pages, rendered now. ``POST /change`` makes one row in a hundred differ from then on."""
    versions = {"now": 0}
    pages: list[bytes] = []

    def render(numbers: list[int], following: str | None) -> bytes:
        rows = [employee(number, versions["now"] if number % CHANGED_SHARE == 0 else 0) for number in numbers]
        return json.dumps({"status": "success", "data": {"results": rows, "next": following}}).encode()

    def render_all() -> None:
        starts = range(0, records, PAGE)
        pages[:] = [
            render(
                list(range(start, min(start + PAGE, records))),
                str(index + 1) if index + 1 < len(starts) else None,
            )
            for index, start in enumerate(starts)
        ]

    def answer(body: bytes) -> Response:
        return Response(body, media_type="application/json", headers={"date": formatdate(usegmt=True)})

    async def employees(request: Request) -> Response:
        if "updated_after" in request.query_params and not request.query_params.get("cursor"):
            changed = list(range(0, records, CHANGED_SHARE)) if versions["now"] else []
            return answer(render(changed, None))
        return answer(pages[int(request.query_params.get("cursor", 0))])

    async def change(_: Request) -> Response:
        versions["now"] += 1
        render_all()
        return Response(status_code=204)

    async def key(_: Request) -> Response:
        return JSONResponse({"status": "success", "data": {"environment_id": "bench"}})

    async def integration(_: Request) -> Response:
        return JSONResponse(
            {
                "status": "success",
                "data": {
                    "id": INTEGRATION,
                    "category": "HRIS",
                    "status": "ACTIVE",
                    "setup_status": "COMPLETED",
                    "read_models": [{"id": "hris_employees", "is_available": True}],
                },
            }
        )

    render_all()
    return Starlette(
        routes=[
            Route("/v1/hris/employees", employees),
            Route("/v1/check-api-key", key),
            Route("/v1/integrations/{id}", integration),
            Route("/change", change, methods=["POST"]),
        ]
    )


def main() -> None:
    """Serve so many records on a free port of this host, and say which."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = application(int(sys.argv[1]))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(served, log_level="error", access_log=False, date_header=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
