"""Kombo's HTTP. Nothing outside this folder knows a header, a path or an error code."""
