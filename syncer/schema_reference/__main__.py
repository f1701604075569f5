"""``python -m syncer.schema_reference`` writes docs/schema.md to standard output; ``make docs`` calls it."""

from __future__ import annotations

import sys

from syncer.schema_reference.markdown import page

if __name__ == "__main__":
    sys.stdout.buffer.write(page().encode())
