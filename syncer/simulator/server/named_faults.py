"""Faults by name, for whoever types them: ``syncer simulate --fail`` and the fixture of pytest.

hris_absences=500            every list of absences answers 500
hris_*=truncated@10%         a tenth of the pages of these models ends in the middle
bad-gateway=5%               a twentieth of all requests is answered by the load balancer
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from random import Random

from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.suggestions import did_you_mean
from syncer.simulator.company.extra_lists import EXTRA_LISTS
from syncer.simulator.server import faults
from syncer.simulator.server.faults import Answer, Fault, Faults, Match
from syncer.simulator.server.request_log import RequestInfo

#: What happens to a request, by the name of the fault.
KINDS: Mapping[str, Callable[[], Answer]] = {
    "server-error": faults.server_error,
    "bad-gateway": faults.bad_gateway,
    "tool-unreachable": faults.remote_error,
    "rate-limited": faults.rate_limited,
    "concurrency-limited": faults.concurrency_limited,
    "not-ready": faults.not_ready,
    "key-refused": faults.key_refused,
    "expired-cursor": faults.expired_cursor,
    "not-json": faults.not_json,
    "wrong-shape": lambda: faults.reshaped({"results": None}),
    "truncated": faults.truncated,
    "dropped": faults.Dropped,
    "misdated": lambda: faults.misdated(timedelta(hours=1)),
}
#: What Kombo says with some statuses; with any other it is an unknown error.
_STATUSES: Mapping[int, Callable[[], Answer]] = {
    400: lambda: faults.kombo_error(400, "PLATFORM.INPUT_INVALID"),
    401: faults.key_refused,
    403: lambda: faults.kombo_error(403, "INTEGRATION.MODEL_NOT_AVAILABLE"),
    404: lambda: faults.kombo_error(404, "PLATFORM.INTEGRATION_NOT_FOUND"),
    409: faults.not_ready,
    429: faults.rate_limited,
    502: faults.bad_gateway,
    504: lambda: faults.bad_gateway(504, "upstream request timeout"),
}
_SHARE = re.compile(r"(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<percent>%?)")


def add_named(script: Faults, text: str, chance: Random) -> Fault:
    """Add the fault that a text describes, for as long as the script lasts.

    Raises ValueError with a sentence on what is wrong.
    """
    what, equals, how = (part.strip() for part in text.partition("="))
    if not equals or not what or not how:
        raise ValueError(f"{text!r} is no fault: write one such as hris_absences=500 or bad-gateway=5%.")
    if what in KINDS:
        return add_fault(script, "*", what, share_of(how), chance)
    kind, at, share = how.partition("@")
    return add_fault(script, what, kind, share_of(share) if at else 1.0, chance)


def add_fault(
    script: Faults, models: str, kind: str | int, share: float, chance: Random, times: int | None = None
) -> Fault:
    """Add a fault for a share of the requests of these models; ``*`` is all requests, also those of no model.

    kind: a name or a status of HTTP. times: after so many it is over. Raises ValueError.
    """
    if models != "*":
        check_models(models)
    answer = _answer(str(kind))

    def happens(request: RequestInfo) -> bool:
        # A page that is no first one was asked for with a cursor.
        has_cursor = request.page is not None and request.page > 1
        return (kind != "expired-cursor" or has_cursor) and chance.random() < share

    return script.add(Match(model=models), answer, times, when=happens)


def share_of(text: str) -> float:
    """Read a share of the requests, such as ``5%`` or ``0.05``. Raises ValueError."""
    found = _SHARE.fullmatch(text.strip())
    share = float(found["number"]) / (100 if found["percent"] else 1) if found else -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no share of the requests: write one such as 5% or 0.05.")
    return share


def check_models(glob: str) -> None:
    """Check that some model has such a name. Raises ValueError."""
    names = [*catalogue(), *EXTRA_LISTS]
    if not any(fnmatchcase(name, glob) for name in names):
        raise ValueError(f"There is no model {glob!r}.{did_you_mean(glob, [*names, *KINDS])}")


def _answer(kind: str) -> Answer:
    if kind in KINDS:
        return KINDS[kind]()
    if re.fullmatch(r"[45]\d\d", kind):
        status = int(kind)
        return _STATUSES[status]() if status in _STATUSES else faults.server_error(status)
    raise ValueError(
        f"There is no fault {kind!r}: known are {', '.join(KINDS)}, and statuses of HTTP from 400 on."
    )
