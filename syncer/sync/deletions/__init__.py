"""Confirm missing rows, and mark them deleted."""
