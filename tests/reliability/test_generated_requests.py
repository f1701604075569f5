"""Requests that somebody makes up, to every page: no fault, no secret in any answer, and it stands."""

from __future__ import annotations

import json

from tests.reliability.test_web_port import is_healthy, lines_about_clients, port_of
from tests.support.generated_requests import TOKEN, Asker, ask_generated
from tests.support.processes import Serve
from tests.support.source import make_environment
from tests.support.waiting import until
from tests.support.webhooks import PERSON, SECRET

#: `python -m benchmarks.web_requests` sends ten thousand.
REQUESTS = 300
VALUE = "s3cr3t Margarethe"


def test_no_generated_request_gets_an_error_of_ours_or_a_secret(
    serve: Serve, migrated_sqlite_url: str
) -> None:
    environment = make_environment()
    company = next(iter(environment.companies.values()))
    company.update("hris_employees", company.ids("hris_employees")[0], first_name=VALUE)
    source = serve(environment)
    service = source.start(
        migrated_sqlite_url,
        SYNCER_WEB__TOKEN=TOKEN,
        SYNCER_WEBHOOKS__SECRETS=json.dumps([SECRET]),
        SYNCER_CHANGES__MODELS='["*"]',
        SYNCER_LOG__LEVEL="DEBUG",
    )
    port = port_of(service)
    until(lambda: len(service.events("run_ended")) >= source.streams, "all streams")

    def check() -> None:
        assert is_healthy(port)

    secrets = (TOKEN, SECRET, environment.api_key, PERSON, "Traceback")
    asker = Asker(port, secrets, values=(VALUE,))
    ask_generated(asker, REQUESTS, check)
    assert service.stop() == 0
    # They were no nonsense: all kinds of answers came.
    assert asker.statuses.keys() >= {200, 400, 401, 404, 405, 421}, asker.statuses
    logged = "".join(service.lines)
    assert [each for each in (*secrets, VALUE) if each in logged] == []
    assert set(lines_about_clients(service)) <= {"requests_refused"}
