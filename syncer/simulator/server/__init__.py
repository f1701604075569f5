"""Serve a fake Kombo API."""
