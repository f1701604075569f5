"""Describe native lists, and calls of a tool's own API."""
