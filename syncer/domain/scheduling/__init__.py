"""Decide how often a stream is polled, and who goes first."""
