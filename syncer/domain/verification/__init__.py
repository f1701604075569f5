"""Verification of the mirror against its source: differences, how sure they are, the certificate. Pure."""
