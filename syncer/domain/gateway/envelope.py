"""Write answers of the gateway's own in the form that Kombo's have. Pure."""

from __future__ import annotations

import json


def error_body(code: str | None, title: str, message: str) -> bytes:
    """Write Kombo's envelope of an error (docs.kombo.dev, "Errors"); code: one of Kombo's, None without."""
    error = {"code": code, "title": title, "message": message, "log_url": None}
    return json.dumps({"status": "error", "error": error}).encode()
