"""HTTP client of Kombo. Nothing outside this folder knows a header, a path or an error code."""
