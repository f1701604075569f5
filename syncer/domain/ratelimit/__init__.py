"""Decide who may send a request, and when."""
