"""How a report looks: a few rules of our own, on screen and on paper, instead of JupyterLab's half a megabyte."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light; --line: #d8dde3; --soft: #f5f7f9; --ink: #1f2933; --dim: #66727f; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1, h2, h3, h4 { line-height: 1.25; margin: 1.6em 0 .5em; } main > h1 { margin-top: 0; }
pre, code, kbd { font: 13px/1.5 ui-monospace, "Cascadia Code", Menlo, Consolas, monospace; }
pre { overflow-x: auto; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
a { color: #0b5cad; } blockquote { border-left: 3px solid var(--line); margin-left: 0; padding-left: 1rem; }
table { border-collapse: collapse; font-size: 14px; margin: .5rem 0; display: block; overflow-x: auto; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
.facts th { text-align: left; color: var(--dim); font-weight: 500; white-space: nowrap; }
.facts td { text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; }
.facts { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .5rem; margin-bottom: 2rem; }
.facts tr:last-child > * { border-bottom: 0; }
.input_area, .jp-InputArea { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; }
.input { margin-top: 1.2rem; } .output_wrapper, .output { margin: .5rem 0; }
.prompt, .anchor-link { display: none; }
.output_stderr pre { background: #fff8e6; padding: .4rem .6rem; } .output_error pre { background: #fdecec; padding: .4rem .6rem; }
.highlight .k, .highlight .kn, .highlight .ow { color: #7a3e9d; } .highlight .s, .highlight .s1, .highlight .s2 { color: #25722a; }
.highlight .c, .highlight .c1 { color: #7b8794; font-style: italic; } .highlight .mi, .highlight .mf { color: #a2540a; }
.highlight .nf, .highlight .nb { color: #0b5cad; }
.ansi-red-fg, .ansi-red-intense-fg { color: #b42318; } .ansi-green-fg, .ansi-green-intense-fg { color: #1a7f37; }
.ansi-blue-fg, .ansi-blue-intense-fg { color: #0b5cad; } .ansi-cyan-fg { color: #0c7285; } .ansi-yellow-fg { color: #9a6700; }
.ansi-magenta-fg { color: #8250df; } .ansi-bold { font-weight: 700; }
@media print { main { max-width: none; padding: 0; } .input, .output { break-inside: avoid; } }
"""
