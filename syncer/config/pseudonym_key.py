"""Key of pseudonyms in the configuration: by a file alone, so that it is in no command and no other file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from syncer.config.secrets import read_secret
from syncer.config.written import Written

#: Characters of a key: with fewer, whoever has the mirror could try all of them.
LEAST_KEY = 32
_MAKE = "`(umask 077; openssl rand -hex 32 > FILE)` makes one"


def _read(value: object, info: ValidationInfo) -> object:
    """Read the file of that name; say how one is made where it cannot be."""
    try:
        return read_secret(value, info)
    except ValueError as error:
        raise ValueError(f"{error}; {_MAKE}") from None


def _check_length(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value()) < LEAST_KEY:
        raise ValueError(f"should hold {LEAST_KEY} characters or more that nobody guesses; {_MAKE}")
    return key


def has_key(patterns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Check that there is a key where there are members to pseudonymise."""
    # One that is faulty is missing there.
    if patterns and info.data.get("pseudonym_key_file", "faulty") is None:
        raise ValueError(f"needs a key: name a file that holds one in pseudonym_key_file; {_MAKE}")
    return patterns


#: The text of the file that is named.
PseudonymKeyFile = Annotated[
    SecretStr | None, BeforeValidator(_read), AfterValidator(_check_length), Written("path")
]
