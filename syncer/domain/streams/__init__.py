"""Decide what a run does next."""
