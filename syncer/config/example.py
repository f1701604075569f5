"""The example configuration: every setting with its default, explained."""

from __future__ import annotations

from pathlib import Path


def example() -> str:
    """Read the example: of the installed package, or of the checkout."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "_config.example.toml"
    path = shipped if shipped.is_file() else package.parent / "config.example.toml"
    return path.read_text(encoding="utf-8")
