"""Values of the configuration that are written as text: durations, the reserve, URLs.

Every parser takes what TOML or an environment variable gave and raises ValueError with what is
expected; the words complete a sentence that begins with the setting's key.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, InstanceOf, ValidationInfo

from syncer.config.paths import located
from syncer.config.written import Written
from syncer.domain.durations import parse_duration
from syncer.domain.errors import UsageError
from syncer.domain.ratelimit.budget import Reserve
from syncer.domain.schema_names import schema_name


def positive(value: timedelta) -> timedelta:
    """Check that a duration is longer than nothing."""
    if not value:
        raise ValueError("should be longer than nothing")
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Written("duration")]
PositiveDuration = Annotated[Duration, AfterValidator(positive)]


def retention(value: object) -> timedelta | None:
    """Parse for how long something is kept; None: for ever."""
    if value is None or value == "forever":
        return None
    try:
        return positive(parse_duration(value))
    except ValueError:
        raise ValueError('should be "forever" or a duration such as "400d"') from None


Retention = Annotated[timedelta | None, BeforeValidator(retention), Written('duration or "forever"')]


def reserve(value: object) -> Reserve:
    """Parse a count of requests, or a percentage of the limit below 100 %."""
    if isinstance(value, Reserve):
        return value
    text = str(value).strip()
    if not isinstance(value, bool) and text.isdigit():
        return Reserve(count=int(text))
    share = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)\s*%", text)
    if share is None:
        raise ValueError('should be a count of requests such as 30 or a percentage below 100 such as "10%"')
    return Reserve(share=float(share[1]) / 100)


ReserveValue = Annotated[InstanceOf[Reserve], BeforeValidator(reserve), Written("percentage or count")]


def database_url(value: str, info: ValidationInfo) -> str:
    """Check the URL of a database, and locate the file of SQLite's.

    Nothing of a refused one is repeated, it may hold a password.
    """
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite":
        return _sqlite_url(rest, info)
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("should be sqlite:///FILE or postgresql://USER@HOST/DATABASE: no other will do")
    try:
        parts = urlsplit(value)
        _ = parts.port
        if parts.netloc.count("@") > 1:
            raise ValueError
    except ValueError:
        raise ValueError(
            "is no readable URL (special characters of a password are written as %XX, such as %40 for @)"
        ) from None
    if parts.path.strip("/") == "":
        raise ValueError("should end in the name of a database")
    return value


def database_schema(value: str, info: ValidationInfo) -> str:
    """Check the name of a schema, behind the URL of the database."""
    url = info.data.get("url")
    if url is not None and url.get_secret_value().startswith("sqlite"):
        raise ValueError("should be left out: SQLite has no schemas")
    try:
        return schema_name(value)
    except UsageError as error:
        raise ValueError(str(error)) from None


#: Name of a schema of PostgreSQL.
SchemaName = Annotated[str, AfterValidator(database_schema)]


def _sqlite_url(rest: str, info: ValidationInfo) -> str:
    """Locate the file of a URL, given by what follows its ``sqlite://``; a URI of SQLite's own stays one."""
    path, mark, query = rest.removeprefix("/").partition("?")
    parameters = parse_qs(query)
    is_uri = path.startswith("file:")
    name = re.sub("^file:(//(localhost)?(?=/))?", "", path)
    if not rest.startswith("/") or name in ("", ":memory:") or parameters.get("mode") == ["memory"]:
        raise ValueError("should name a file, such as sqlite:///kombo.db")
    if is_uri != ("uri" in parameters):
        raise ValueError("should be sqlite:///FILE, or sqlite:///file:FILE?uri=true, a URI of SQLite's own")
    return f"sqlite:///{'file:' if is_uri else ''}{located(name, info)}{mark}{query}"


def base_url(value: object) -> str | None:
    """Parse an http or https URL: without a slash at its end, None for an empty text."""
    if blank_is_none(value) is None:
        return None
    try:
        parts = urlsplit(str(value))
        readable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        readable = False
    if not readable or parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise ValueError("should be a URL such as https://api.kombo.dev/v1")
    if parts.query or parts.fragment:
        raise ValueError("should be a URL without a query")
    return str(value).rstrip("/")


BaseUrl = Annotated[str | None, BeforeValidator(base_url), Written("URL")]


def host_name(value: str) -> str:
    """Check the name or address of a host, as clients call it."""
    try:
        ip_address(value)
    except ValueError:
        if not re.fullmatch(r"[\w-]+(\.[\w-]+)*\.?", value, re.ASCII):
            raise ValueError("should be a name such as mirror.example.com, without a port") from None
    return value


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def one_word(value: str) -> str:
    """Check the id of an integration."""
    if not value or any(character.isspace() for character in value):
        raise ValueError("should be one word, as Kombo's dashboard shows it")
    return value


def blank_is_none(value: object) -> object:
    """Turn an empty text into None: ``key = ""`` in the file says the same as no such line."""
    return None if value == "" else value


def list_of_texts(value: object, *, example: str) -> object:
    """Refuse one text in place of a list."""
    if isinstance(value, str):
        raise ValueError(f'should be a list such as ["{example}"]')
    return value
