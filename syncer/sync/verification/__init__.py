"""Verification of streams: the source is read whole and compared with the mirror; nothing is written."""
