"""Printing of lists that nobody here knows, for ``syncer status``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from syncer.cli.output import styled
from syncer.domain.texts.printable import printable
from syncer.operations.unknown_lists import describe_unknown_models

if TYPE_CHECKING:
    from rich.console import RenderableType


def unknown_lines(found: Sequence[dict[str, Any]]) -> Iterator[RenderableType]:
    """Tell of lists that nobody here knows, if any, with the lines of configuration that mirror them."""
    if not found:
        return
    yield styled(printable(f"{describe_unknown_models(each['name'] for each in found)}:"), "yellow")
    for each in found:
        yield ""
        yield from (f"    {printable(line)}" for line in each["configuration"])
    yield ""
