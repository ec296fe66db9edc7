"""How the page at ``/docs`` looks, light or dark as the reader's system is."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --paper: #fff; --line: #d5dae3; --soft: #f3f5f9; --link: #0b57b0;
  --get: #0a6f3c; --post: #8a4b00; --delete: #a3122d }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8f0; --paper: #14181f; --line: #39414f; --soft: #1d232d;
  --link: #8ab8ff; --get: #6fd39b; --post: #f0b866; --delete: #ff9aa8 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, "Noto Sans CJK SC", sans-serif }
a { color: var(--link) }
h2 { margin-top: 2.5rem; border-bottom: 2px solid var(--line) }
h3 { font-size: 1rem; overflow-wrap: anywhere }
code, pre { font-family: ui-monospace, Consolas, monospace; font-size: .9em; overflow-wrap: anywhere }
pre { padding: .75rem; overflow-x: auto; background: var(--soft); border: 1px solid var(--line); border-radius: .4rem }
nav ul { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; padding: 0; list-style: none }
article { margin: 1rem 0; padding: .2rem 1rem 1rem; border: 1px solid var(--line); border-radius: .4rem }
.wide { overflow-x: auto }
table { width: 100%; border-collapse: collapse; margin: .6rem 0 }
caption { text-align: left; font-weight: 600 }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line) }
td { overflow-wrap: anywhere }
td:first-child, td:first-child code { white-space: nowrap; overflow-wrap: normal }
th { background: var(--soft) }
.get { color: var(--get) } .post { color: var(--post) } .delete { color: var(--delete) }
"""
