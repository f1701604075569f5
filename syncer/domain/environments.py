"""Names of environments: each is what one Kombo API key opens."""

from __future__ import annotations

import re

from syncer.domain.errors import UsageError

#: Environment of ``[kombo]``, and of integrations that name none.
DEFAULT_ENVIRONMENT = "default"

#: It can be part of a variable's name, whose words two underscores divide.
_NAME = re.compile(r"(?=.{1,40}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_environment_name(name: str) -> str:
    """Return a name that an environment beside the default one may have. Raises UsageError."""
    if name == DEFAULT_ENVIRONMENT:
        raise UsageError(f"is no name to give: [kombo] is the environment {DEFAULT_ENVIRONMENT}.")
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"cannot be called {name[:60]!a}: lowercase letters, digits and single underscores between them "
            "can, 40 at most, and it begins with a letter."
        )
    return name
