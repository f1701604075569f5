"""Pages, and a part of one, that are made of the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from documents import commands, configuration
from syncer.schema_reference import markdown
from syncer.schema_reference.classes import with_classes

DOCS = Path(__file__).parents[1] / "docs"


def _privacy() -> str:
    return with_classes((DOCS / "privacy.md").read_text(encoding="utf-8"))


#: Page -> what makes its text.
MADE: dict[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "configuration.md": configuration.page,
    "privacy.md": _privacy,
    "schema.md": markdown.page,
}
