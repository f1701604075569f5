"""Names of environments: each is what one Kombo API key opens."""

from __future__ import annotations

#: Environment of ``[kombo]``, and of integrations that name none.
DEFAULT_ENVIRONMENT = "default"
