"""``python -m documents.site.build build/site`` writes the site; ``make site`` calls it.

Sphinx reads Markdown as the repository's host does, its theme fetches nothing, and its search index is a
script: so everything works from a folder, too.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from pathlib import Path

from sphinx.cmd.build import build_main

from documents.site.contents import Part, parts
from documents.site.markdown import page_of_site

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Write the site into a folder; gives the exit code, which is not 0 where a link leads nowhere."""
    [target] = arguments
    folder = Path(target)
    shutil.rmtree(folder, ignore_errors=True)
    source = folder.with_name(f"{folder.name}-source")
    assemble(source)
    options = ["-q", "-W", "--keep-going", "-E", "-b", "html", "-c", str(HERE), "-d", f"{source}/.doctrees"]
    with warnings.catch_warnings():
        # What Sphinx and its extensions have to tell each other.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        code = build_main([*options, str(source), str(folder)])
    shutil.rmtree(source)
    return code


def assemble(source: Path) -> None:
    """Lay the pages of the site into a folder, with the files that they link to.

    Raises LookupError for a page of docs/ that docs/README.md does not list.
    """
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    contents = parts((ROOT / "docs" / "README.md").read_text(encoding="utf-8"))
    pages = [f"docs/{path}" for part in contents for _, path in part.pages]
    shown = [path.removeprefix("docs/../") for path in pages]
    if missing := {f"docs/{each.name}" for each in (ROOT / "docs").glob("*.md")} - {*shown, "docs/README.md"}:
        raise LookupError(f"docs/README.md lists no {', '.join(sorted(missing))}: add a line there.")

    def place(path: str) -> str:
        if path in shown:
            return Path(path).name
        if path in ("README.md", "docs/README.md"):
            return "about.md" if path == "README.md" else "index.md"
        if path.endswith(".md"):
            lay(path, Path(path).name, "---\norphan: true\n---\n\n")
            return Path(path).name
        copied = source / "files" / path
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copied)
        return f"files/{path}"

    def lay(path: str, name: str, before: str = "", after: str = "") -> None:
        text = page_of_site((ROOT / path).read_text(encoding="utf-8"), str(Path(path).parent), place)
        (source / name).write_text(f"{before}{text}{after}", encoding="utf-8")

    for path in (*shown, "README.md"):
        lay(path, place(path))
    lay("docs/README.md", "index.md", after=_navigation(contents))


def _navigation(contents: list[Part]) -> str:
    """Write what the sidebar is made of."""
    trees = [
        f"```{{toctree}}\n:hidden:\n:caption: {part.title}\n\n"
        + "".join(f"{title} <{Path(path).name}>\n" for title, path in part.pages)
        + "```\n"
        for part in contents
    ]
    return "\n" + "\n".join(["```{toctree}\n:hidden:\n\nWhat it is <about.md>\n```\n", *trees])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
