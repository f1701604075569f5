"""Screen of a terminal, as far as our own output needs one: lines, colours, and bars that are drawn again."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len

#: A sequence that steers the terminal, or a character.
_PIECE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([^\x1b])", re.DOTALL)
#: A sequence of which the end has not come yet.
_UNFINISHED = re.compile(r"\x1b(\[[0-9;?]*)?$")
#: One thing that a sequence of colours sets.
_LOOK = re.compile(r"[34]8;5;\d+|[34]8;2;\d+;\d+;\d+|\d+")

#: What a style sets, as SGR spells it.
Style = tuple[str, ...]
#: A line is its runs of equal style.
Run = tuple[str, Style]
Line = tuple[Run, ...]


@dataclass
class Screen:
    """Everything that was written, scrolled off or not."""

    width: int
    _rows: list[list[Run]] = field(default_factory=lambda: [[]])
    _row: int = 0
    _column: int = 0
    _style: Style = ()
    _unfinished: str = ""

    def write(self, text: str) -> None:
        """Take what a program writes; sequences that are unknown here are an error."""
        text = self._unfinished + text
        tail = _UNFINISHED.search(text)
        self._unfinished = tail[0] if tail else ""
        for parameters, final, character in _PIECE.findall(text.removesuffix(self._unfinished)):
            if character:
                self._put(character)
            else:
                self._steer(parameters, final)

    def lines(self, height: int) -> tuple[Line, ...]:
        """Give the last lines; the one that the cursor stands on is left out where it is empty."""
        rows = self._rows if self._rows[-1] else self._rows[:-1]
        return tuple(_runs(row) for row in rows[-height:])

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._move_to(self._row + 1)
        else:
            if self._column + cell_len(character) > self.width:
                self._column = 0
                self._move_to(self._row + 1)
            row = self._rows[self._row]
            # What follows a character that is two columns wide is nothing.
            cells = [(character, self._style), ("", self._style)][: max(1, cell_len(character))]
            row.extend([(" ", ())] * (self._column - len(row)))
            row[self._column : self._column + len(cells)] = cells
            self._column += len(cells)

    def _move_to(self, row: int) -> None:
        self._row = row
        self._rows.extend([] for _ in range(row + 1 - len(self._rows)))

    def _steer(self, parameters: str, final: str) -> None:
        if final == "m":
            for look in _LOOK.findall(parameters or "0"):
                self._style = () if look == "0" else (*self._style, look)
        elif final == "A":
            self._move_to(max(0, self._row - int(parameters or 1)))
        elif final == "K":
            self._rows[self._row] = [] if parameters == "2" else self._rows[self._row][: self._column]
        elif (parameters, final) not in {("?25", "l"), ("?25", "h")}:
            raise ValueError(f"the screen does not know the sequence {parameters}{final}")


def _runs(row: list[Run]) -> Line:
    """Join neighbours of the same style; blanks at the end are none."""
    found: list[Run] = []
    for character, style in row:
        if found and found[-1][1] == style:
            found[-1] = (found[-1][0] + character, style)
        else:
            found.append((character, style))
    while found and not found[-1][0].strip():
        found.pop()
    return tuple(found)
