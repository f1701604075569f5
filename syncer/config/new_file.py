"""Text of a new configuration: what has to be set, and where the rest is explained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

_HEAD = """\
# Written by `syncer init`. `syncer config --example` shows every setting with its default, `syncer config`
# those that are set, and where. Each can also come from the environment, which wins: SYNCER_SYNC__EVERY=1h.
# Relative paths start at the folder of this file.
"""
_KEY_FILE = """
[kombo]
# The file that holds the key of your Kombo environment.
api_key_file = {key_file}
"""
_KEY_ELSEWHERE = """
[kombo]
# The key of your Kombo environment comes from SYNCER_KOMBO__API_KEY, or from a file:
# api_key_file = "kombo_api_key"
"""
_REGION = """\
# Where your Kombo environment is: eu, us or ca.
region = {region}
"""
_BASE_URL = """\
# The address of the API, in place of a region.
base_url = {base_url}
"""
_DATABASE = """
[database]
# sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE, with special characters of a password as %XX.
url = {url}
"""
_DATABASE_ELSEWHERE = """
# The URL of the database comes from SYNCER_DATABASE__URL.
"""
_INTEGRATIONS = """
# One block for each integration to mirror. `syncer integrations add ID` adds others without this file.
"""
_INTEGRATION = """\
[[integrations]]
{comment}id = {id}
# Its models; all that it offers where the line is missing.
# models = ["hris_*"]

"""
_NO_INTEGRATION = """\
# [[integrations]]
# id = "personio:8d1hpPsbjxUkoCoa1veLZGe5"
"""


class NewIntegration(Struct, frozen=True):
    """Integration to mirror; facts: what Kombo says of it, in a few words, if it was asked."""

    id: str
    facts: str = ""


class NewConfiguration(Struct, frozen=True):
    """Settings that a new configuration begins with.

    key_file: path of the file that holds the API key; None: the environment has it. base_url: in place of the
    region. database: its URL; None: the environment has it.
    """

    key_file: str | None
    region: str
    base_url: str | None
    database: str | None
    integrations: Sequence[NewIntegration]

    def text(self) -> str:
        """Format it as TOML with comments."""
        parts = [_HEAD]
        if self.key_file is None:
            parts.append(_KEY_ELSEWHERE)
        else:
            parts.append(_KEY_FILE.format(key_file=_quoted(self.key_file)))
        if self.base_url is None:
            parts.append(_REGION.format(region=_quoted(self.region)))
        else:
            parts.append(_BASE_URL.format(base_url=_quoted(self.base_url)))
        if self.database is None:
            parts.append(_DATABASE_ELSEWHERE)
        else:
            parts.append(_DATABASE.format(url=_quoted(self.database)))
        parts.append(_INTEGRATIONS)
        for each in self.integrations:
            comment = f"# {each.facts}\n" if each.facts else ""
            parts.append(_INTEGRATION.format(comment=comment, id=_quoted(each.id)))
        if not self.integrations:
            parts.append(_NO_INTEGRATION)
        return f"{''.join(parts).rstrip()}\n"

    def values(self, api_key: str | None) -> dict[str, Any]:
        """Give the same as values, with the key itself in place of its file."""
        kombo = {"api_key": api_key, "region": self.region, "base_url": self.base_url}
        if self.base_url is not None:
            del kombo["region"]
        found: dict[str, Any] = {
            "kombo": {name: value for name, value in kombo.items() if value is not None},
            "integrations": [{"id": each.id} for each in self.integrations],
        }
        return found if self.database is None else {**found, "database": {"url": self.database}}


def _quoted(text: str) -> str:
    """Write a string of TOML, whose strings may be written as JSON writes them, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
