"""The simulated API: routes, checks in Kombo's order, envelopes, headers.

What Kombo does not document is decided here: a missing integration header is 400, an unknown integration
404, a model that is not available 403, unknown parameters are ignored. Calls of the tools' own APIs are
checked and answered in ``passthrough.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import format_datetime

from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.catalogue.model import Model
from syncer.domain.gateway.kombo_words import INPUT_INVALID, InvalidInput, error_body
from syncer.http_server.protocol import ResponseBroken
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.company.render import row_json, to_json
from syncer.simulator.server.environment import Environment
from syncer.simulator.server.faults import (
    Dropped,
    Late,
    Mangled,
    Reply,
    concurrency_limited,
)
from syncer.simulator.server.integration import SimIntegration
from syncer.simulator.server.paging import page_number, page_of, whole_list
from syncer.simulator.server.passthrough import called, carry_out
from syncer.simulator.server.query import read_query
from syncer.simulator.server.request_log import RequestInfo
from syncer.simulator.server.writes import added, removed

Respond = Callable[[Request], Awaitable[Response]]
_PREFIX = "/v1"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


#: Characters that are kept of the path that somebody without the key has asked for.
MOST_OF_A_PATH = 60


def simulator_app(environment: Environment) -> Starlette:
    """Build the API as an ASGI application; its base URL ends in ``/v1``."""
    routes = [
        Route(_PREFIX + model.path, _endpoint(environment, model), methods=["GET"])
        for model in (*catalogue().values(), *EXTRA_LISTS.values())
    ]
    native = "/passthrough/{tool}/{api}"
    routes.append(Route(_PREFIX + native, _endpoint(environment, None), methods=["POST"]))
    anything = Route(_PREFIX + "/{path:path}", _endpoint(environment, None), methods=_METHODS)
    routes.append(anything)
    return Starlette(routes=routes)


def _endpoint(environment: Environment, model: Model | None) -> Respond:
    async def respond(request: Request) -> Response:
        logged = _logged(environment, request, model)
        is_known = _has_key(environment, request)
        if _is_native(request) and is_known:
            logged.call, logged.params = called(await request.body())
        response = await _answer(environment, request, logged, model)
        logged.status = response.status_code
        if not is_known:
            # What strangers send takes no memory.
            logged = RequestInfo(logged.at, logged.method, logged.path[:MOST_OF_A_PATH], status=logged.status)
        environment.requests.append(logged)
        is_page = logged.model is not None or logged.call is not None
        if is_page and logged.status == 200 and environment.between_pages is not None:
            environment.between_pages(logged)
        return response

    return respond


def _logged(environment: Environment, request: Request, model: Model | None) -> RequestInfo:
    params = dict(request.query_params)
    return RequestInfo(
        at=environment.clock.now(),
        method=request.method,
        path=request.url.path,
        params=params,
        integration_id=request.headers.get("x-integration-id"),
        model=None if model is None else model.name,
        page=None if model is None else page_number(params.get("cursor"), environment.paging),
    )


async def _answer(
    environment: Environment, request: Request, logged: RequestInfo, model: Model | None
) -> Response:
    fault = environment.faults.take(logged)
    if isinstance(fault, Reply) and not fault.by_kombo:
        return _response(environment, fault)
    late = fault if isinstance(fault, Late) else None
    if late is not None and not _is_native(request):
        await environment.sleep(late.seconds)
    if not _has_key(environment, request):
        return _response(
            environment, _error(401, "PLATFORM.AUTHENTICATION_INVALID", "The API key is not valid.")
        )
    if not environment.limit.spend():
        reply = _error(429, "PLATFORM.RATE_LIMIT_EXCEEDED", "The rate limit of this API key is exceeded.")
    elif isinstance(fault, Reply):
        reply = fault
    elif model is not None:
        reply = _list(environment, logged, model)
    elif _is_native(request):
        reply = await _native(environment, request, logged, late)
    elif request.method in ("POST", "DELETE"):
        reply = _write(environment, logged, await request.body())
    else:
        reply = _general(environment, request)
    body = reply.body
    if isinstance(fault, Mangled):
        reply, body = replace(reply, skew=fault.skew), fault.change(reply.body)
    response = _response(environment, reply, body, environment.limit.headers())
    return _Broken(response, fault.raising) if isinstance(fault, Dropped) else response


def _has_key(environment: Environment, request: Request) -> bool:
    return request.headers.get("authorization") == f"Bearer {environment.api_key}"


def _is_native(request: Request) -> bool:
    return "tool" in request.path_params


def _integration(environment: Environment, logged: RequestInfo) -> SimIntegration | Reply:
    """Find the integration that the header names, or the error."""
    if logged.integration_id is None:
        return _error(400, "PLATFORM.INPUT_INVALID", "The header X-Integration-Id is missing.")
    return environment.integrations.get(logged.integration_id) or _unknown_integration(logged.integration_id)


async def _native(
    environment: Environment, request: Request, logged: RequestInfo, late: Late | None
) -> Reply:
    """Carry out a call of the tool's own API, which may take a while."""
    integration = _integration(environment, logged)
    if isinstance(integration, Reply):
        return integration
    unready = integration.unready()
    if unready is not None:
        return _error(unready.status, unready.code, unready.message)
    limit = integration.concurrency_limit
    if integration.under_way >= limit:
        return concurrency_limited(limit)
    integration.under_way += 1
    try:
        if late is not None:
            await environment.sleep(late.seconds)
        integration.company.settle()
        api = f"{request.path_params['tool']}/{request.path_params['api']}"
        reply = carry_out(integration, api, await request.body())
    except InvalidInput as error:
        return _error(400, INPUT_INVALID, str(error))
    finally:
        integration.under_way -= 1
    # This call has its slot until it is answered.
    left = str(limit - integration.under_way - 1)
    return replace(reply, headers={"Concurrency-Limit": str(limit), "Concurrency-Remaining": left})


def _list(environment: Environment, logged: RequestInfo, model: Model) -> Reply:
    integration = _integration(environment, logged)
    if isinstance(integration, Reply):
        return integration
    if model.name in EXTRA_LISTS and model.name not in integration.extra_lists:
        return _unknown_endpoint()
    refusal = integration.refusal(model)
    if refusal is not None:
        return _error(refusal.status, refusal.code, refusal.message)
    for name in logged.params:
        if (model.name, name) in environment.refused_parameters:
            return _error(400, "PLATFORM.INPUT_INVALID", f"Unrecognized key(s) in object: '{name}'")
    company = integration.company
    company.settle()
    try:
        query = read_query(model, logged.params, integration.unsupported_filters)
        page = (
            page_of(company.tables, model.name, query, environment.paging)
            if model.features.paging
            else whole_list(company.tables, model.name, query)
        )
    except InvalidInput as error:
        return _error(400, INPUT_INVALID, str(error))
    rows = b",".join(row_json(company.tables, record) for record in page.records)
    head = b'{"status":"success","data":{"next":' + to_json(page.next)
    return Reply(200, head + b',"results":[' + rows + b"]}}")


def _write(environment: Environment, logged: RequestInfo, body: bytes) -> Reply:
    integration = _integration(environment, logged)
    if isinstance(integration, Reply):
        return integration
    path = logged.path.removeprefix(_PREFIX)
    list_path, _, id = path.rpartition("/")
    try:
        company = integration.company
        is_added = logged.method == "POST"
        reply = added(company, path, body) if is_added else removed(company, list_path, id)
    except InvalidInput as error:
        return _error(400, INPUT_INVALID, str(error))
    return reply or _unknown_endpoint()


def _general(environment: Environment, request: Request) -> Reply:
    match request.method, request.path_params["path"].split("/"):
        case "GET", ["check-api-key"]:
            return _success({"environment_id": environment.id, "customer_id": environment.id})
        case "GET", ["integrations", id]:
            integration = environment.integrations.get(id)
            return _unknown_integration(id) if integration is None else _success(integration.describe())
        case _:
            return _unknown_endpoint()


def _unknown_endpoint() -> Reply:
    return _error(404, "PLATFORM.INPUT_INVALID", "This simulator does not have this endpoint.")


def _unknown_integration(id: str) -> Reply:
    return _error(404, "PLATFORM.INTEGRATION_NOT_FOUND", f"There is no integration {id} in this environment.")


def _success(data: object) -> Reply:
    return Reply(200, to_json({"status": "success", "data": data}))


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, error_body(code, message))


def _response(
    environment: Environment, reply: Reply, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Build the HTTP response, dated by the simulated clock."""
    date = format_datetime(environment.clock.now() + reply.skew, usegmt=True)
    return Response(
        reply.body if body is None else body,
        reply.status,
        {**(headers or {}), **reply.headers, "date": date, "content-type": reply.content_type},
    )


class _Broken(Response):
    """Response whose connection breaks in the middle of its body."""

    def __init__(self, whole: Response, raising: Exception | None) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))
        self._raising = raising

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._raising is None:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            half = bytes(self.body[: len(self.body) // 2])
            await send({"type": "http.response.body", "body": half, "more_body": True})
        raise self._raising or ResponseBroken
