"""Secrets in the configuration: given as themselves, or by a file that holds them.

No message repeats anything of a refused one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from syncer.config.paths import folder_of, located
from syncer.config.values import blank_is_none


def _check_word(secret: SecretStr | None) -> SecretStr | None:
    """Check that it can stand in a header."""
    text = secret.get_secret_value() if secret is not None else ""
    if text and not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("should be one word of ASCII characters")
    return secret


def _read(value: object, info: ValidationInfo) -> object:
    """Read the file of that name."""
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


#: The text of the file that is named. The field stands before that of the secret itself.
SecretFile = Annotated[SecretStr | None, BeforeValidator(_read), AfterValidator(_check_word)]
#: The secret of a field NAME, or the text of the file that the field NAME_file names.
Secret = Annotated[
    SecretStr, BeforeValidator(_from_file), AfterValidator(_check_word), Field(validate_default=True)
]
