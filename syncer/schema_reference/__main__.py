"""``python -m syncer.schema_reference`` writes docs/schema.md to standard output; ``make docs`` calls it.

With a file, docs/privacy.md, it writes the list of classes in it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from syncer.schema_reference.classes import with_classes
from syncer.schema_reference.markdown import page

if __name__ == "__main__":
    if sys.argv[1:]:
        file = Path(sys.argv[1])
        file.write_text(with_classes(file.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.buffer.write(page().encode())
