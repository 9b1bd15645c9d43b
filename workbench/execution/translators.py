"""How parameters become R code: papermill's way, with text and numbers that R reads back as they were."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from papermill.translators import RTranslator, papermill_translators

_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class WorkbenchRTranslator(RTranslator):  # type: ignore[misc]
    """R values from JSON ones. R source is read in the kernel's encoding, so only ASCII is written: `\\u00e9`, never
    the byte `\\xe9`, which R takes for invalid UTF-8. NUL cannot be in R text and becomes U+FFFD."""

    @classmethod
    def translate_escaped_str(cls, str_val: Any) -> str:
        """A quoted R string of ASCII."""
        return '"' + "".join(map(_character, str(str_val))) + '"'

    @classmethod
    def translate_float(cls, val: float) -> str:
        """A double; R's own words for what is not finite."""
        if math.isnan(val):
            return "NaN"
        if math.isinf(val):
            return "-Inf" if val < 0 else "Inf"
        return repr(val)

    @classmethod
    def translate_dict(cls, val: dict[str, Any]) -> str:
        """A named list; text is written as papermill does, with quoted names. An empty name cannot stand before `=`."""
        if "" in val:
            names = ", ".join(map(cls.translate_str, val))
            return f"structure({cls._listed(val.values())}, names = c({names}))"
        parts = ", ".join(f"{cls.translate_str(key)} = {cls.translate(one)}" for key, one in val.items())
        return f"list({parts})"

    @classmethod
    def translate_list(cls, val: list[Any]) -> str:
        """A vector where all are of one kind that R's vectors keep as it is, null among them as NA; else a list, for
        `c(1, "a")` would be two texts and `c(1, NULL)` one number."""
        kinds = {_kind(one) for one in val if one is not None}
        if not val or len(kinds) > 1 or "" in kinds:
            return cls._listed(val)
        return f"c({', '.join('NA' if one is None else cls.translate(one) for one in val)})"

    @classmethod
    def _listed(cls, values: Iterable[Any]) -> str:
        return f"list({', '.join(map(cls.translate, values))})"


def _kind(value: Any) -> str:
    """The kind of vector that holds `value`; empty for none."""
    if isinstance(value, bool):
        return "logical"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else ""


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code == 0:
        return "\\ufffd"
    if 32 <= code < 127:
        return character
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def install() -> None:
    """Make papermill of this process use it for R."""
    for name in ("R", "ir"):
        papermill_translators.register(name, WorkbenchRTranslator)
