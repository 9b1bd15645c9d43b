"""An IDE as `--json` gives it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from workbench.cli.shapes.shape import Key, Shape
from workbench.cli.shapes.shape import same as _same
from workbench.cli.shapes.shape import text as _text

if TYPE_CHECKING:
    from workbench.services.ides import IdeView

IDE: Shape[IdeView] = Shape(
    "ide",
    (
        _text("name", "its name, as environments list it"),
        Key("title", "text", "what people call it", lambda view: view.ide.title if view.ide else ""),
        Key("description", "text", "one line about it", lambda view: view.ide.description if view.ide else ""),
        _same("shipped", "boolean", "whether it comes with the program"),
        Key("source", "text", "the file that declares it", lambda view: str(view.source)),
        Key("problems", "array", "what is wrong in its declaration", lambda view: [str(one) for one in view.problems]),
        Key("engines", "array", "where it works", lambda view: list(view.ide.engines) if view.ide else []),
        Key(
            "command",
            "array",
            "how it is started, with placeholders",
            lambda view: list(view.ide.command) if view.ide else [],
        ),
        Key("sign_in", "text", "token-file, form or front", lambda view: view.ide.sign_in if view.ide else ""),
        Key(
            "opens",
            "array",
            "names of files it opens; none: any",
            lambda view: list(view.ide.opens) if view.ide else [],
        ),
        Key("finds", "array", "names of files it looks for", lambda view: list(view.ide.finds) if view.ide else []),
        Key(
            "needs",
            "object or null",
            "`python r apt`: what is installed for it; null where it takes a ready image",
            lambda view: asdict(view.ide.needs) if view.ide and view.ide.installable else None,
        ),
    ),
)
