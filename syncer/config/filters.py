"""Filters of a model in the configuration, made ready for the query string.

Each function raises ValueError with what is expected; the words complete a sentence that begins with the
setting's key.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

from syncer.domain.catalogue.model import Filter, Model
from syncer.domain.suggestions import did_you_mean

#: What Kombo takes for a time in a query (Kombo's OpenAPI document).
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?)?Z?")


def filter_named(model: Model, name: str) -> Filter:
    """Find the model's own filter of that name."""
    known = {each.name: each for each in model.filters}
    if name not in known:
        raise ValueError(f"is not a filter of {model.name}: it has {', '.join(known) or 'none'}")
    return known[name]


def filter_value(known: Filter, value: Any) -> str:
    """Convert a value to its form in the query string."""
    match known.type:
        case "timestamp":
            return _timestamp(value)
        case "list":
            return _list(known, value)
        case "json":
            return _json(value)
        case "text":
            return _text(known, value)


def _timestamp(value: Any) -> str:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    try:
        if _TIMESTAMP.fullmatch(text) is None:
            raise ValueError
        datetime.fromisoformat(text if "T" in text else text.removesuffix("Z"))
    except ValueError:
        raise ValueError("should be a time in UTC such as 2026-01-31T00:00:00Z") from None
    return text


def _list(known: Filter, value: Any) -> str:
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list) or not entries:
        raise ValueError("should be a list")
    texts = [str(entry).strip() for entry in entries]
    if any(not text or "," in text for text in texts):
        raise ValueError("should be a list of texts that are not empty and hold no comma")
    for text in texts:
        _one_of(known.choices, text)
    return ",".join(texts)


def _json(value: Any) -> str:
    try:
        return json.dumps(json.loads(value) if isinstance(value, str) else value, separators=(",", ":"))
    except (TypeError, ValueError):
        raise ValueError("should be a table, a list or a text of JSON") from None


def _text(known: Filter, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int) or value == "":
        raise ValueError("should be a text")
    _one_of(known.choices, str(value))
    return str(value)


def _one_of(choices: tuple[str, ...], text: str) -> None:
    if choices and text not in choices:
        hint = did_you_mean(text, choices, at_most=1) or f" There are {', '.join(choices)}."
        raise ValueError(f"does not know {text!r}.{hint}")
