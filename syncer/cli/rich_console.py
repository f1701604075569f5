"""Console of rich on which no text steers the terminal, whichever table, bar or line it is in."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from syncer.domain.texts.printable import printable


class SafeConsole(Console):
    """Console that escapes hidden characters, but for the codes that rich itself makes."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, with the texts escaped."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, keep="\n"), segment.style)
