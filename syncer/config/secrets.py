"""Secrets in the configuration: given as themselves, or by a file that holds them.

No message repeats anything of a refused one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, unquote_plus, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from syncer.config.paths import folder_of, located
from syncer.config.values import blank_is_none
from syncer.config.written import Written


def _check_word(secret: SecretStr | None) -> SecretStr | None:
    """Check that it can stand in a header."""
    text = secret.get_secret_value() if secret is not None else ""
    if text and not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("should be one word of ASCII characters")
    return secret


def read_secret(value: object, info: ValidationInfo) -> object:
    """Read the secret in the file of that name, None for an empty name. Raises ValueError."""
    if blank_is_none(value) is None or not isinstance(value, str | Path):
        return blank_is_none(value)
    path = located(str(value), info)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("is not a file of UTF-8 text") from None
    except (OSError, ValueError) as error:
        # Its name is not repeated: somebody may have written the secret itself there.
        where = "" if Path(value).is_absolute() else f" in {folder_of(info)}"
        reason = getattr(error, "strerror", None) or "it is no name of a file"
        raise ValueError(f"cannot be read{where}: {reason}") from None
    if not text:
        raise ValueError("is an empty file")
    return text


def _from_file(value: object, info: ValidationInfo) -> object:
    """Take the text of the file where there is one."""
    file = f"{info.field_name}_file"
    # One that is given and faulty is missing there.
    if file in info.data and info.data[file] is None:
        return value
    if value not in ("", SecretStr("")):
        raise ValueError("is given twice, as itself and as a file: one is enough")
    return info.data.get(file, value)


def passwords(url: str) -> Iterator[str]:
    """Find the passwords in a database's URL: as they are written, and decoded."""
    parts = urlsplit(url)
    parameters = (each.partition("=") for each in parts.query.split("&"))
    written = [value for name, _, value in parameters if "password" in unquote(name)]
    for each in (parts.password or "", *written):
        yield from dict.fromkeys((each, unquote(each), unquote_plus(each)))


def _check_length(secret: SecretStr) -> SecretStr:
    """Check that nobody guesses it: an empty one would be known to all."""
    if len(secret.get_secret_value().strip()) < LEAST_LENGTH:
        raise ValueError(f"should have {LEAST_LENGTH} characters or more")
    return secret


#: Characters of a secret that somebody may try to guess.
LEAST_LENGTH = 8
#: A secret among several, whatever text it is; and the text of a file that is named among several.
ListedSecret = Annotated[SecretStr, AfterValidator(_check_length), Written("secret")]
ListedSecretFile = Annotated[
    SecretStr, BeforeValidator(read_secret), AfterValidator(_check_length), Written("path")
]
#: The text of the file that is named. The field stands before that of the secret itself.
SecretFile = Annotated[
    SecretStr | None, BeforeValidator(read_secret), AfterValidator(_check_word), Written("path")
]
#: The secret of a field NAME, or the text of the file that the field NAME_file names.
Secret = Annotated[
    SecretStr,
    BeforeValidator(_from_file),
    AfterValidator(_check_word),
    Field(validate_default=True),
    Written("secret"),
]


def environment_secrets(environ: Mapping[str, str]) -> Iterator[str]:
    """Collect what other programs' variables hold in secrets: passwords of proxies and of PostgreSQL.

    Also where an address cannot be read: its password stands before the last @, whatever it is made of.
    """
    for name, value in environ.items():
        if name.lower().endswith("_proxy"):
            user, at, _ = re.sub(r"^\s*\w*://", "", value).rpartition("@")
            login, colon, password = user.partition(":")
            # A proxy may take a token in place of a name.
            secret = password if colon else login
            yield from (text for text in (secret, unquote(secret)) if at and text)
        elif name in ("PGPASSWORD", "PGSSLPASSWORD") and value:
            yield value
