"""The parameters of a notebook: what its `parameters` cell declares, and whether given values fit.

Names become code in the notebook's language and values are pasted after them, so both are checked here before anything
is queued.
"""

from __future__ import annotations

import base64
import json
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from workbench.errors import Refused
from workbench.model.parameter import Declared
from workbench.notebooks.cell import declared_in
from workbench.notebooks.document import Document
from workbench.text import one_line

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
R_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
# fmt: off
R_WORDS = frozenset({
    "if", "else", "repeat", "while", "function", "for", "next", "break", "in", "TRUE", "FALSE", "NULL", "Inf", "NaN",
    "NA", "NA_integer_", "NA_real_", "NA_complex_", "NA_character_", "T", "F",
})
JULIA_WORDS = frozenset({
    "baremodule", "begin", "break", "catch", "const", "continue", "do", "else", "elseif", "end", "export", "false",
    "finally", "for", "function", "global", "if", "import", "let", "local", "macro", "module", "quote", "return",
    "struct", "true", "try", "using", "while",
})
R_VALUES = {"TRUE": True, "FALSE": False, "NULL": None, "NA": None}
WORDS = {"r": R_WORDS, "julia": JULIA_WORDS}
# fmt: on
LARGEST = 1_000_000  # bytes of all values as JSON: they become code in a cell and a row in the store


@dataclass(frozen=True)
class Parameters:
    """What a notebook takes. `has_cell`: it has a cell tagged `parameters`; `known`: that cell could be read, so
    `declared` is complete. Where `known` is False any name is accepted, unless its project declares some."""

    declared: tuple[Declared, ...]
    has_cell: bool
    known: bool
    language: str

    def __getitem__(self, name: str) -> Declared:
        return next(one for one in self.declared if one.name == name)

    def get(self, name: str) -> Declared | None:
        """What is declared of `name`; None for nothing."""
        return next((one for one in self.declared if one.name == name), None)

    def meant(self, name: str, text: str) -> Any:
        """The value of `name` that a text on a command line is written for."""
        return meant(self.get(name), text, self.language)

    @property
    def explicit(self) -> bool:
        """Whether the project declares any of them."""
        return any(one.explicit for one in self.declared)

    @property
    def names(self) -> tuple[str, ...]:
        """Declared names, in order."""
        return tuple(one.name for one in self.declared)

    @property
    def texts(self) -> frozenset[str]:
        """Those that are text."""
        return frozenset(one.name for one in self.declared if one.type == "str")


def parameters_of(document: Document) -> Parameters:
    """What the first cell tagged `parameters` declares."""
    language = document.language or "python"
    for _, cell in document.tagged("parameters"):
        found = declared_in(str(cell["source"]), language)
        return Parameters(tuple(found or ()), True, found is not None, language)
    return Parameters((), False, False, language)


def guess(text: str) -> Any:
    """The value of `-p NAME TEXT` as papermill reads it: True, False, None, int, float, else the text itself."""
    words: dict[str, Any] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def meant(declared: Declared | None, text: str, language: str = "") -> Any:
    """The value that a text on a command line is written for: as papermill guesses, unless it is declared otherwise.
    A notebook in R is also given its TRUE, FALSE, NULL and NA."""
    guessed = R_VALUES.get(text, guess(text)) if language.lower() == "r" else guess(text)
    if declared is None or (guessed is None and declared.optional):
        return guessed
    if declared.choices and not declared.problem(guessed):
        return guessed
    return declared.meant(text) if declared.type in ("str", "date", "bool", "list", "dict") else guessed


def decode_base64(text: str) -> str:
    """The YAML text of `-b TEXT`; `Refused` where it is not base64 of UTF-8."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except ValueError as error:
        raise Refused(f"not base64 of text: {error}", title="-b") from error


def gather(
    *,
    base64_mappings: Iterable[Mapping[str, Any] | None] = (),
    file_mappings: Iterable[Mapping[str, Any] | None] = (),
    yaml_mappings: Iterable[Mapping[str, Any] | None] = (),
    values: Iterable[tuple[str, str]] = (),
    raw: Iterable[tuple[str, str]] = (),
    takes: Parameters | None = None,
) -> dict[str, Any]:
    """All that was given, later ones winning in papermill's order: -b, -f, -y, -p, -r. Mappings are read already.

    `takes`: what is declared to be text or a date is not taken for a number because it looks like one.
    """
    result: dict[str, Any] = {}
    for mappings, option in ((base64_mappings, "-b"), (file_mappings, "-f"), (yaml_mappings, "-y")):
        for mapping in mappings:
            if mapping is not None and not isinstance(mapping, Mapping):
                raise Refused("expected a mapping of names to values", title=option)
            result.update(mapping or {})
    result.update({name: takes.meant(name, text) if takes else guess(text) for name, text in values})
    result.update(dict(raw))
    return result


def check(
    parameters: Parameters, given: Mapping[str, Any], *, allow_unknown: bool | frozenset[str] = False
) -> dict[str, Any]:
    """`given` where it fits, in the order given; `Refused` with all problems otherwise.

    `allow_unknown` accepts names that the notebook does not declare, all or those in it, also where it has no
    `parameters` cell.
    """
    allowed = frozenset(given) if allow_unknown is True else allow_unknown or frozenset()
    if given.keys() - allowed and not parameters.has_cell and not parameters.explicit:
        raise Refused(
            "this notebook has no cell tagged `parameters`, so the values given would be set at its top "
            "and may be overwritten by it",
            title="parameters",
            hint="Tag the cell with the defaults `parameters` (JupyterLab: property inspector), or allow it: --unknown.",
        )
    problems = []
    for name, value in given.items():
        declared = parameters.get(name)
        problem = name_problem(name, parameters.language, declared=declared is not None) or _value_problem(value)
        if not problem and parameters.language.lower() == "r" and _beyond_r(value):
            problem = "R's numbers hold no whole number that large; give it as text"
        complete = parameters.known or parameters.explicit
        if not problem and declared is None and complete and name not in allowed:
            problem = _unknown(name, parameters.names)
        if not problem and declared is not None:
            problem = declared.problem(value)
        if problem:
            problems.append(f"{one_line(str(name), 40)}: {problem}")
    missing = [one.name for one in parameters.declared if one.required and one.name not in given]
    problems += [f"{name}: has no default and was not given" for name in missing]
    if not problems and len(json.dumps(dict(given))) > LARGEST:
        problems.append("the values are larger than 1 MB; put them into a file and pass its name")
    if problems:
        known = ", ".join(one.words for one in parameters.declared)
        raise Refused("; ".join(problems), title="parameters", hint=f"It takes: {known}" if known else "")
    return dict(given)


def name_problem(name: str, language: str, *, declared: bool = False) -> str:
    """Why `name` cannot be a parameter in `language`; empty where it can. `declared`: it is a name there already, as
    `_n` or `größe`."""
    r = language.lower() == "r"
    plain = isinstance(name, str) and (
        (R_NAME if r else NAME).fullmatch(name) or (declared and not r and name.isidentifier())
    )
    if not plain:
        return f"a name is letters, digits{', dots' if r else ''} and _, beginning with a letter"
    return f"is a word of {language}" if name in WORDS.get(language.lower(), keyword.kwlist) else ""


def _value_problem(value: Any, depth: int = 0) -> str:
    if depth > 50:
        return "is nested too deeply"
    if isinstance(value, str) and not _is_text(value):
        return "is no text: it holds bytes that are not UTF-8 (check the locale of the terminal, or the file)"
    if value is None or isinstance(value, bool | int | float | str):
        return ""
    if isinstance(value, list):
        return next(filter(None, (_value_problem(one, depth + 1) for one in value)), "")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            return "the keys of a mapping must be text"
        inside = (*value, *value.values())
        return next(filter(None, (_value_problem(one, depth + 1) for one in inside)), "")
    return f"{type(value).__name__} is no value of JSON; write it as text"


def _beyond_r(value: Any) -> bool:
    """Whether it has a whole number that a double does not hold as it is."""
    if isinstance(value, list | dict):
        return any(map(_beyond_r, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int) and abs(value) > 2**53


def _is_text(value: str) -> bool:
    """Whether it can be written as UTF-8; Python keeps bytes that it could not read as halves of surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(name: str, names: tuple[str, ...]) -> str:
    close = get_close_matches(name, names, n=1)
    if close:
        return f"the notebook has no such parameter; did you mean {close[0]}?"
    return "the notebook has no such parameter"
