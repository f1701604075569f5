"""Arguments of a call as they are typed: names with values, a body, files. All are read before it is sent."""

from __future__ import annotations

import json
import mimetypes
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from syncer.cli.streams import read_stdin
from syncer.domain.errors import UsageError
from syncer.domain.native.call import File


def parse_pairs(option: str, texts: Iterable[str], *, signs: str = "=", hint: str = "") -> dict[str, str]:
    """Parse NAME=VALUE texts. Raises UsageError; hint: advice for a name that is given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, value = split_pair(option, text, signs)
        if name in found:
            raise UsageError(f"{option} names {name} twice{hint}.")
        found[name] = value
    return found


def split_pair(option: str, text: str, signs: str = "=") -> tuple[str, str]:
    """Split a text into name and value, at the first of the signs. Raises UsageError."""
    place = min((at for sign in signs if (at := text.find(sign)) >= 0), default=-1)
    if place < 1:
        # What was typed may be a secret that lost its name.
        raise UsageError(f"{option} takes NAME=VALUE; one of those given has no name or no value.")
    name, value = text[:place], text[place + 1 :]
    return name, value.lstrip() if text[place] == ":" else value


def parse_headers(texts: Iterable[str]) -> dict[str, str]:
    """Parse headers, as NAME=VALUE or ``Name: value``. Raises UsageError."""
    found = parse_pairs("--header", texts, signs="=:")
    if len({name.lower() for name in found}) < len(found):
        raise UsageError("--header names one header twice.")
    return found


def read_body(text: str | None, *, is_text: bool, may_be_text: bool = False) -> Any:
    """Read the body: JSON, @FILE with it, or - for standard input; None where none is given.

    is_text: it goes out as it is. may_be_text: so does what is not JSON. Raises UsageError.
    """
    if text is None:
        return None
    where = "standard input" if text == "-" else text[1:] if text.startswith("@") else "--data"
    content = _read_text(where) if text == "-" or text.startswith("@") else text
    if is_text:
        return content
    try:
        value = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        if may_be_text:
            return content
        place = (
            f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        )
        raise UsageError(
            f"What {where} holds is not JSON{place}; a Content-Type header of another kind sends it as it is."
        ) from None
    if not isinstance(value, dict | list | str):
        raise UsageError(f"What {where} holds is neither a JSON object nor an array.")
    return value


def is_other_than_json(headers: Mapping[str, str]) -> bool:
    """True where a Content-Type says that the body is not JSON."""
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "json")
    return "json" not in kind.lower()


def parse_form(texts: Iterable[str]) -> list[tuple[str, str | File]]:
    """Parse parts of a form: NAME=VALUE and NAME=@FILE[;type=TYPE]. Raises UsageError."""
    return [
        (name, _file(value[1:]) if value.startswith("@") else value)
        for name, value in (split_pair("--form", text) for text in texts)
    ]


def _file(text: str) -> File:
    where, _, kind = text.partition(";type=")
    kind = kind or mimetypes.guess_type(where)[0] or ""
    if not kind:
        raise UsageError(
            f"--form cannot tell what {where} is: write @{where};type=application/pdf or the like."
        )
    return File(Path(where).name, _read(where), kind)


def _read_text(where: str) -> str:
    try:
        return read_stdin() if where == "standard input" else _read(where).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not a text in UTF-8: send a file with --form.") from None


def _read(where: str) -> bytes:
    try:
        return Path(where).read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {where}: {error.strerror or error}.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def check_writable(output: Path | None) -> Path | None:
    """Check that the file can be written, and give it. Raises UsageError."""
    if output is None:
        return None
    problem = None
    is_special = output.exists() and not output.is_file()
    if output.is_symlink() and not is_special:
        problem = "it is a link; name the file itself"
    elif output.is_dir():
        problem = "it is a directory"
    elif not output.parent.is_dir():
        problem = "there is no such directory"
    elif output.exists() and not os.access(output, os.W_OK):
        problem = "permission denied"
    elif not is_special and not os.access(output.parent, os.W_OK):
        # It is written beside and put in place whole.
        problem = "permission denied"
    if problem:
        raise UsageError(f"Cannot write to {output}: {problem}.")
    return output
