"""One parameter of a notebook: its type, default, choices and range, whoever declared it, and whether a value fits."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from workbench.errors import Refused

ANY = "any"
TYPES = ("bool", "int", "float", "str", "date", "list", "dict", ANY)
WANTED = {
    "bool": "True or False",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "date": "a date, as 2026-01-31,",
    "list": "a list, as [1, 2],",
    "dict": 'a mapping, as {"a": 1},',
}
# As a project's declaration names them.
WORDS = {
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "date": "date",
    "list": "list",
    "mapping": "dict",
    "any": ANY,
}
_SAID = {kind: word for word, kind in WORDS.items()}


@dataclass(frozen=True)
class Declared:
    """One parameter. `type` is one of `TYPES`; `source` the default as written, `default` its value where `literal`.

    `annotated`: the type was written down rather than seen from the default, and is then held to. `explicit`: the project
    declares it; `wanted`: it says whether it has to be given; `added`: its default is not the notebook's own, so it is
    given where nothing else is; `items`: what each of a list has to be. `least` and `most` are numbers or dates.
    """

    name: str
    type: str = ANY
    source: str = ""
    default: Any = field(default=None, hash=False)
    literal: bool = False
    help: str = ""
    annotated: bool = False
    optional: bool = True
    choices: tuple[Any, ...] = field(default=(), hash=False)
    least: float | str | None = None
    most: float | str | None = None
    explicit: bool = False
    wanted: bool | None = None
    added: bool = False
    items: Declared | None = None

    @property
    def required(self) -> bool:
        """Whether it has to be given: it has no default, as `month: str` alone, or its declaration says so."""
        return not self.source if self.wanted is None else self.wanted

    @property
    def kind(self) -> str:
        """Its type as its declaration has it: `float` in a cell is `number` in a project's file."""
        return "" if self.type == ANY else _SAID[self.type] if self.explicit else self.type

    @property
    def words(self) -> str:
        """`alpha: float = 0.5`, `region: text (north, south)`, `rows: integer (1 to 500) = 100`."""
        kind = f": {self.kind}" if self.kind else ""
        limits = f" ({self.limits})" if self.explicit and self.limits else ""
        required = ", required" if self.explicit and self.required else ""
        return f"{self.name}{kind}{limits}{f' = {self.source}' if self.source else ''}{required}"

    @property
    def limits(self) -> str:
        """What values there are, in words: its choices, or its range; empty where any is as good."""
        if self.choices:
            return ", ".join(map(shown, self.choices))
        if self.least is not None and self.most is not None:
            return f"{shown(self.least)} to {shown(self.most)}"
        if self.least is not None:
            return f"at least {shown(self.least)}"
        return f"at most {shown(self.most)}" if self.most is not None else ""

    def problem(self, value: Any) -> str:
        """Why `value` does not fit; empty where it does."""
        if self.choices and not any(_same(value, one) for one in self.choices):
            said = shown if self.explicit else repr
            return f"must be one of {', '.join(map(said, self.choices))}, not {said(value)[:60]}"
        if value is None and self.optional:
            return ""
        if self.type != ANY and not self._fits(value):
            hint = f" (as text: -r {self.name} …)" if self.type == "str" else ""
            return f"{WANTED[self.type]} is expected, not {value!r:.60}{hint}"
        if self.items and isinstance(value, list):
            wrong = (f"its item {n}: {why}" for n, one in enumerate(value, 1) if (why := self.items.problem(one)))
            return next(wrong, "")
        return self._out_of_range(value)

    def _out_of_range(self, value: Any) -> str:
        """Numbers and dates are compared; what is neither is left alone. NaN is in no range."""
        if (self.least is not None and not _in_order(self.least, value)) or (
            self.most is not None and not _in_order(value, self.most)
        ):
            return f"{shown(value)} is out of range: {self.limits}"
        return ""

    def _fits(self, value: Any) -> bool:
        if isinstance(value, bool):
            return self.type == "bool"
        if isinstance(value, int):
            return self.type in {"int", "float"}
        if isinstance(value, float):
            # An unannotated `1` says "a number", not "a whole one".
            return self.type == "float" or (self.type == "int" and not self.annotated)
        if self.type == "date":
            return isinstance(value, str) and is_date(value)
        return self.type in {"str", "list", "dict"} and type(value).__name__ == self.type

    def read(self, text: str) -> Any:
        """The value that a person means who types `text` into a form; `Refused` where it does not fit."""
        value = self.meant(text)
        problem = self.problem(value)
        if problem:
            raise Refused(problem, title=self.name)
        return value

    def meant(self, text: str) -> Any:
        """The value that `text` is written for, by its type; the text itself where it is none."""
        bare = text.strip()
        chosen = next((one for one in self.choices if shown(one) == bare), None)
        if chosen is not None:
            return chosen
        if self.type == "str":
            return text
        if self.type == "date":
            return bare
        if bare in {"None", "null", "NULL"}:
            return None
        if bare.lower() in {"true", "false"}:
            return bare.lower() == "true"
        if self.type == "bool" and bare.lower() in {"yes", "no"}:
            return bare.lower() == "yes"
        readers: tuple[Callable[[str], Any], ...] = (int, float, json.loads, ast.literal_eval)
        for reader in readers:
            try:
                return reader(bare)
            except (ValueError, SyntaxError, RecursionError):
                continue
        return text


@dataclass(frozen=True)
class Taken:
    """What a project declares of the parameters of its notebooks at `notebook`, a path or a pattern."""

    notebook: str
    parameters: tuple[Declared, ...]


def is_date(text: str) -> bool:
    """Whether it is a day, as 2026-01-31."""
    try:
        return len(text) == 10 and date.fromisoformat(text) is not None
    except ValueError:
        return False


def shown(value: Any) -> str:
    """A value as a person would type it, for forms and lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def matches(pattern: str, path: str) -> bool:
    """Whether `pattern` means the notebook at `path` in its project: `*` within a folder, `**` over several. One without
    a folder means the file in any, as in `.gitignore`."""
    whole = pattern.removeprefix("./")
    return _compiled(whole if "/" in whole else f"**/{whole}").fullmatch(path) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))


def _in_order(first: Any, second: Any) -> bool:
    """Whether `first` is not after `second`, where they can be compared."""
    if isinstance(first, str) is not isinstance(second, str):
        return True
    return bool(first <= second)


def _same(value: Any, choice: Any) -> bool:
    """Equal, and not `True` for 1."""
    return bool(value == choice) and isinstance(value, bool) == isinstance(choice, bool)
