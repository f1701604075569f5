"""Table of the paging styles: what their classes declare is what the documentation says."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.keys import key, keys_of, keys_of_all
from syncer.domain.native.paging.styles import STYLES

PAGE = Path(__file__).parents[3] / "docs" / "passthrough.md"


def row(style: type[PagingStyle]) -> str:
    """Write the style's row of the table in the documentation."""
    keys = keys_of(style)
    needed = ", ".join(f"`{each.name}`" for each in keys if each.is_required)
    possible = ", ".join(f"`{each.name}`" for each in keys if not each.is_required)
    cells = (f"`{style.style}`", needed, possible, (inspect.getdoc(style) or "").partition("\n")[0])
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_every_style_is_documented_as_its_class_declares_it(style: type[PagingStyle]) -> None:
    assert row(style) in PAGE.read_text(encoding="utf-8").splitlines()


def test_a_key_that_two_styles_declare_in_different_ways_is_refused() -> None:
    @dataclass(frozen=True)
    class Other(CursorStyle):
        next: str = field(kw_only=True, metadata=key())

    with pytest.raises(TypeError, match="Other declares the key next in another way"):
        keys_of_all([*STYLES.values(), Other])
