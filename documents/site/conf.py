"""Configuration of Sphinx, under the names that it gives."""

from __future__ import annotations

from syncer import __version__

project = "syncer"
release = __version__
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["files"]
# Headings have the anchors that the repository's host gives them.
myst_heading_anchors = 4
suppress_warnings = ["myst.header", "misc.highlighting_failure"]
# Quotation marks belong to values here.
smartquotes = False
html_theme = "furo"
html_title = f"syncer {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False
# Its words would have to be fetched, which browsers refuse to pages of a folder.
html_show_search_summary = False
pygments_style = "default"
