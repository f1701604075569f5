"""Describe the native APIs that Kombo passes calls on to, and check calls against them.

``tools.json`` was drawn from Kombo's Python SDK 1.4.0 (``general.send_passthrough_request``). Kombo adds APIs
without telling, so that whoever knows better may have a call sent unchecked.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from syncer.domain.errors import UsageError
from syncer.domain.native.call import Call, check_parts, is_xml
from syncer.domain.suggestions import did_you_mean

_FILE = Path(__file__).with_name("tools.json")


class Api(Struct, frozen=True):
    """Native API of one tool.

    name: ``workday/rest``. labels: the tool's names for people. base_urls: where it is, with places for what
    differs by customer; none where not told. method: the only one it takes, if there is such. body: what a
    string as its body must be. required: options that a call must have. perhaps_one_of: options of which,
    by one source of two, a call must have one. replaced_by: the API to use instead.
    """

    name: str
    labels: tuple[str, ...]
    base_urls: tuple[str, ...]
    method: str | None = None
    body: Literal["json", "xml"] = "json"
    required: tuple[str, ...] = ()
    perhaps_one_of: tuple[str, ...] = ()
    replaced_by: str | None = None


@cache
def apis() -> dict[str, Api]:
    """Read all APIs by name, in alphabetical order."""
    return {
        name: Api(
            name,
            tuple(each["labels"]),
            tuple(each["base_urls"]),
            each.get("method"),
            each.get("body", "json"),
            tuple(each.get("required", ())),
            tuple(each.get("perhaps_one_of", ())),
            each.get("replaced_by"),
        )
        for name, each in json.loads(_FILE.read_text(encoding="utf-8")).items()
    }


def check_call(call: Call, *, force: bool = False) -> list[str]:
    """Check a call, and return its doubts as sentences. force: what is known of its API does not count.

    Raises UsageError where the call cannot be sent, or goes against what is known of its API.
    """
    check_parts(call)
    if force:
        return []
    api = apis().get(call.api)
    if api is None:
        raise UsageError(f"{unknown_api(call.api)} --force sends the call all the same.")
    if api.method is not None and call.method != api.method:
        raise UsageError(f"{api.name} takes {api.method} alone; --force sends {call.method} all the same.")
    missing = [each for each in api.required if not call.options.get(each)]
    if missing:
        shown = " ".join(f"--api-option {each}=…" for each in missing)
        raise UsageError(f"{api.name} needs the option {' and '.join(missing)}: {shown}.")
    if api.body == "xml":
        _check_xml(api, call)
    doubts = []
    if api.perhaps_one_of and not any(map(call.options.get, api.perhaps_one_of)):
        doubts.append(
            f"{api.name} may need one of the options {' or '.join(api.perhaps_one_of)}: "
            "Kombo's guide asks for one, its SDK for none."
        )
    if api.replaced_by is not None:
        doubts.append(f"{api.name} is deprecated: use {api.replaced_by}.")
    return doubts


def _check_xml(api: Api, call: Call) -> None:
    if call.form or (call.data is None and call.method == "GET"):
        return
    if not is_xml(call.data):
        raise UsageError(f"{api.name} takes XML as its body: --data @body.xml.")


def unknown_api(name: str) -> str:
    """Say that there is no such API, with the nearest names: of the same tool, else by the whole."""
    tool = name.partition("/")[0]
    own = [each for each in apis() if each.partition("/")[0] == tool]
    hint = did_you_mean(name, own, cutoff=0) or did_you_mean(name, apis())
    return f"There is no known API {name!r}.{hint}"
