"""``python -m documents`` writes the pages anew that are made of the code; ``make docs`` calls it."""

from __future__ import annotations

from documents.made import DOCS, MADE

if __name__ == "__main__":
    for name, make in MADE.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
