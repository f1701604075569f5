"""The catalogue's entries, one module per part of the API.

Sources: Kombo's Python SDK 1.4.0 and Kombo's OpenAPI document of May 2026, taken together; where both are
silent, docs.kombo.dev.
"""
