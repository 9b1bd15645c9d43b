"""The report of an executed notebook: one HTML page in which nothing runs when it is opened.

nbconvert renders, nh3 leaves what it knows to be harmless, and the page forbids the rest to the browser: it loads
nothing, from nowhere, and no script of it would be run.
"""

from __future__ import annotations

import base64
import copy
import html
import re
import secrets
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from workbench.notebooks.outputs import BANNER_TAG, text_of
from workbench.notebooks.report_style import STYLE

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
# Tags of cells as Jupyter Book and nbconvert know them.
NO_CELL = frozenset({"remove-cell", "remove_cell", "hide-cell", BANNER_TAG})
NO_INPUT = frozenset({"remove-input", "remove_input", "hide-input"})
NO_OUTPUT = frozenset({"remove-output", "remove_output", "hide-output"})
STYLES = frozenset(
    {"background-color", "border", "color", "font-style", "font-weight", "text-align", "text-decoration", "width"}
)
_ATTACHED = re.compile(r"!\[([^\]]*)\]\(attachment:([^)\s]+)\)")


def page(notebook: Mapping[str, Any], *, title: str, facts: Sequence[tuple[str, str]] = (), code: bool = True) -> bytes:
    """The report as UTF-8 HTML. `facts` are named texts shown above it; without `code` only what cells put out and
    the text between them is shown. Plots that a script would draw are shown as the picture or text beside them."""
    from nbconvert import HTMLExporter
    from nbformat import from_dict

    pictures: dict[str, str] = {}
    prepared: Any = from_dict(_prepared(notebook, pictures, code=code))  # type: ignore[no-untyped-call]
    exporter = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]
    _clean_each_text(exporter.environment)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own parts, as that Python is highlighted for want of IPython
        body, _ = exporter.from_notebook_node(prepared)
    body = _clean(body)
    for name, address in pictures.items():
        body = body.replace(name, f'<img alt="" src="{address}">')
    return _page(title, facts, body).encode("utf-8", "replace")


def _prepared(notebook: Mapping[str, Any], pictures: dict[str, str], *, code: bool) -> dict[str, Any]:
    """A copy with the cells to be shown, whose pictures are names to be replaced: they are not parsed as HTML."""
    whole = {**copy.deepcopy(dict(notebook)), "nbformat_minor": 5}
    whole["cells"] = [cell for cell in whole.get("cells", ()) if _prepare(cell, pictures, code=code)]
    return whole


def _prepare(cell: dict[str, Any], pictures: dict[str, str], *, code: bool) -> bool:
    """Make a cell what is shown of it; False for nothing."""
    cell["id"] = secrets.token_hex(8)  # copies may share one, which is no notebook
    tags = set(cell.get("metadata", {}).get("tags") or ())
    if tags & NO_CELL:
        return False
    if cell["cell_type"] == "markdown":
        attached = cell.pop("attachments", None) or {}
        cell["source"] = _ATTACHED.sub(partial(_attachment, attached, pictures), text_of(cell.get("source")))
    if cell["cell_type"] != "code":
        return True
    outputs = [] if tags & NO_OUTPUT else [_output(one, pictures) for one in cell.get("outputs") or ()]
    cell["outputs"] = [one for one in outputs if one]
    if code and not tags & NO_INPUT:
        return True
    cell.setdefault("metadata", {})["transient"] = {
        "remove_source": True
    }  # what nbconvert's own preprocessors leave for its templates
    return bool(cell["outputs"])


def _output(output: Mapping[str, Any], pictures: dict[str, str]) -> dict[str, Any] | None:
    if output.get("output_type") == "stream":
        return {**output, "text": text_of(output.get("text"))}
    if output.get("output_type") not in {"display_data", "execute_result"}:
        return dict(output)
    data = output.get("data") or {}
    kind = next((mime for mime in PICTURES if mime in data), None)
    if kind and "text/html" not in data:
        shown = {"text/html": f"<p>{_picture(kind, text_of(data[kind]), pictures)}</p>"}
    else:
        known = ("text/html", "text/markdown", "text/latex", "text/plain")
        shown = {mime: text_of(data[mime]) for mime in known if mime in data}
        if "text/html" in shown:  # each by itself, lest one that leaves a comment or a style open hides all below it
            shown["text/html"] = _clean(shown["text/html"])
    return {**output, "data": shown, "metadata": {}} if shown else None


def _picture(kind: str, content: str, pictures: dict[str, str]) -> str:
    """A name that stands for a picture until the page is clean."""
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    name = f"picture-{secrets.token_hex(16)}"
    pictures[name] = f"data:{kind};base64,{re.sub(r'[^A-Za-z0-9+/=]', '', content)}"
    return name


def _attachment(attached: Mapping[str, Any], pictures: dict[str, str], found: re.Match[str]) -> str:
    data = attached.get(found[2])
    kind = next((mime for mime in PICTURES if isinstance(data, Mapping) and mime in data), None)
    return _picture(kind, text_of(data[kind]), pictures) if kind and isinstance(data, Mapping) else found[1]


def _clean_each_text(environment: Any) -> None:
    """What becomes of Markdown is whole by itself too, so that HTML which one text leaves open hides nothing below it."""
    from jinja2 import pass_context

    rendered = environment.filters["markdown2html"]

    @pass_context
    def cleaned(context: Any, source: str) -> str:
        return _clean(str(rendered(context, source=source)))

    environment.filters["markdown2html"] = cleaned


def _clean(body: str) -> str:
    import nh3

    attributes = {name: set(allowed) for name, allowed in nh3.ALLOWED_ATTRIBUTES.items()}
    attributes.pop("img", None)
    attributes["*"] = {"class", "style"}
    return nh3.clean(
        body,
        tags=nh3.ALLOWED_TAGS - {"img", "map", "area"},
        attributes=attributes,
        url_schemes={"http", "https", "mailto"},
        filter_style_properties=set(STYLES),
    )


def _page(title: str, facts: Sequence[tuple[str, str]], body: str) -> str:
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>" for name, text in facts)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(POLICY)}">'
        f'<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{html.escape(title)}</h1>\n"
        f"{f'<table class=facts>{rows}</table>' if rows else ''}\n{body}\n</main></body></html>\n"
    )
