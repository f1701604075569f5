"""Style sheet of the status page: light and dark, wide and narrow screens.

The classes of states are the values of ``Severity``.
"""

from __future__ import annotations

import base64
import hashlib

CSS = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2329; --dim: #68717b; --line: #e3e6e9;
  --ok: #20734a; --warning: #8a5a00; --error: #b3261e; --link: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --paper: #15191d; --ink: #dfe3e7; --dim: #929ca6;
  --line: #2b3238; --ok: #62c08f; --warning: #dba94c; --error: #f2857c; --link: #82b4ee; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1.25rem;
  background: var(--paper); color: var(--ink); font-variant-numeric: tabular-nums; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
h1 { font-size: 1.25rem; margin: 0; } header p { margin: 0; }
h2 { font-size: 1rem; margin: 2rem 0 .4rem; overflow-wrap: anywhere; } h2 .dim { font-weight: normal; }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.25rem; margin: 1.25rem 0; }
dl div { display: flex; flex-direction: column; }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; } dt { color: var(--dim); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem 1.25rem .3rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: normal; font-size: .85rem; }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; }
.problems td:first-child { width: 6.5rem; } .problems td:nth-child(2) { width: 40%; }
.streams td:first-child { width: 38%; }
.dim, .neutral, .run { color: var(--dim); } .ok { color: var(--ok); } .warning { color: var(--warning); }
.error { color: var(--error); } a { color: var(--link); } code { font-size: .9em; }
@media (max-width: 40rem) { body { margin: 1rem auto; padding: 0 .9rem; } .wide { display: none; }
  th, td { padding-right: .6rem; } .run { display: block; }
  .problems tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  .problems td, .problems td:first-child, .problems td:nth-child(2) { display: block; width: auto;
    padding: 0; border: 0; } }
"""

#: The source of style that the pages permit, and no other.
CSS_HASH = f"sha256-{base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()}"
