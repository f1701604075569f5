"""Fetch and read pages, whichever kind of list a stream has."""
