"""The types of single values in declarations: text in, checked value out, each with a sentence for what is wrong.

Every scalar arrives as text (see `reader`); units are required, and nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, NoReturn

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from workbench.declare.composer import Plain
from workbench.errors import NotFound, Refused
from workbench.model import clocks, timetable
from workbench.model.names import SLUG_RULE, is_slug
from workbench.model.notebook import WORDS as RUNNABLE
from workbench.model.notebook import can_run

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")


def wrong(message: str, hint: str = "") -> NoReturn:
    """Fail validation with a sentence for people."""
    raise PydanticCustomError("declared", "{said}", {"said": message, "hint": hint})


def text(value: object) -> str:
    """A single value as the text it was written as."""
    if value is None:
        wrong("expected text, found nothing", 'for empty text write ""')
    if not isinstance(value, str):
        wrong(f"expected text, found {kind(value)}")
    return "".join(value)  # a plain str also where it was `Plain`


def kind(value: object) -> str:
    """What a piece of data is, in words."""
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing" if value is None else "text"


def _one_line(value: object) -> str:
    said = text(value)
    if "\n" in said.strip():
        wrong("expected one line of text")
    return said.strip()


def truth(value: object) -> bool:
    """`true` or `false`."""
    said = text(value)
    if said in ("true", "false"):
        return said == "true"
    meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(said.lower(), said.lower())
    wrong(f"expected true or false, found {said!r}", f"write {meant}" if meant in ("true", "false") else "")


def _whole(value: object) -> int:
    said = text(value)
    if not re.fullmatch(r"[+-]?\d{1,15}", said, re.ASCII):
        wrong(f"expected a whole number, found {said!r}")
    return int(said)


def _duration(value: object) -> float:
    said = text(value)
    match = _SPAN.fullmatch(said)
    if not match or not said:
        if re.fullmatch(r"\d{1,9}", said, re.ASCII):
            wrong(f"duration {said!r} has no unit: {said} of what?", f"write {said}s, {said}m or {said}h")
        wrong(f"expected a duration with its unit, found {said!r}", "as 30s, 45m, 2h, 1h30m or 1d")
    seconds = sum(int(part or 0) * _SECONDS[unit] for part, unit in zip(match.groups(), "dhms", strict=True))
    if not 1 <= seconds <= 366 * 86400:
        wrong(f"duration {said} is out of range", "from 1s to 366d")
    return float(seconds)


def _slug(value: object) -> str:
    said = text(value)
    if not is_slug(said):
        wrong(f"{said[:80]!r} is no name", SLUG_RULE)
    return said


def _zone(value: object) -> str:
    said = text(value)
    try:
        clocks.zone(said)
    except NotFound as error:
        wrong(f"{said!r} is no time zone of the IANA database", error.hint)
    return said


def _cron(value: object) -> str:
    return _time(cron=_one_line(value))


def _once(value: object) -> str:
    return _time(once=_one_line(value))


def _start(value: object) -> str:
    return _wall("start", value)


def _end(value: object) -> str:
    return _wall("end", value)


def _wall(key: str, value: object) -> str:
    said = _one_line(value)
    try:
        timetable.wall(key, said)
    except Refused as error:
        wrong(error.message, error.hint)
    return said


def _every(value: object) -> float:
    span = _duration(value)
    _time(every=span)
    return span


def _time(*, cron: str | None = None, once: str | None = None, every: float | None = None) -> str:
    try:
        timetable.timetable("UTC", cron=cron, once=once, every=every)
    except Refused as error:
        wrong(error.message, error.hint)
    return cron or once or ""


def _notebook(value: object) -> str:
    said = text(value)
    path = PurePosixPath(said)
    if path.is_absolute() or ".." in path.parts or said.startswith("~"):
        wrong(f"{said!r} leads out of the project", "a path below the project's folder, as notebooks/report.ipynb")
    if not can_run(said):
        wrong(f"{said!r} is no notebook", f"its name ends in {RUNNABLE}")
    return str(path)


def inner(said: str) -> str:
    """A path or pattern of files below a folder."""
    path = PurePosixPath(said.removeprefix("./"))
    if path.is_absolute() or ".." in path.parts or said.startswith("~") or not path.parts or len(said) > 1000:
        wrong(f"{said[:80]!r} leads out of the project", "a path below the project's folder, as data/*.csv")
    return str(path)


def _version(value: object) -> str:
    said = text(value)
    if not re.fullmatch(r"\d{1,2}\.\d{1,3}(\.\d{1,3})?", said, re.ASCII):
        wrong(f"{said!r} is no version", "as 3.13 or 3.13.1")
    return said


def url(value: object) -> str:
    """An address of a repository or index."""
    said = text(value)
    if not re.fullmatch(r"(https?://[^\s/]|file:///)\S*", said) or not said.isprintable():
        wrong(f"{said!r} is no address", "it begins with https://, http:// or file:///")
    return said


def _variable(value: object) -> str:
    said = text(value)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,254}", said, re.ASCII):
        wrong(f"{said!r} is no name of a variable", "letters, digits and _, not beginning with a digit")
    return said


def _secret(value: object) -> str:
    said = _variable(value)
    if said.startswith("WORKBENCH_"):
        wrong(f"{said!r} cannot be the name of a secret", "names with WORKBENCH_ are the program's own")
    return said


def free(value: object) -> Any:
    """A value of `parameters:`: plain scalars by the core rules of YAML 1.2 less numbers with leading zeros.

    true and false, null, whole and decimal numbers (0x, 0o); all else is text: dates, `no`, `22:22`, `007`.
    """
    if isinstance(value, Mapping):
        return {text(key): free(item) for key, item in value.items()}
    if isinstance(value, list):
        return [free(item) for item in value]
    if not isinstance(value, Plain):
        return value if value is None else text(value)
    if value in ("null", "Null", "NULL"):
        return None
    if value in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return value.lower() == "true"
    return _number(text(value))


def _number(said: str) -> int | float | str:
    if re.fullmatch(r"[-+]?(0|[1-9]\d*)|0o[0-7]+|0x[0-9a-fA-F]+", said, re.ASCII):
        if len(said) > 300:
            wrong("a number of more than 300 digits", "put quotes round it where text is meant")
        return int(said, 0)
    if re.fullmatch(r"[-+]?(\.\d+|(0|[1-9]\d*)(\.\d*)?)([eE][-+]?\d+)?", said, re.ASCII):
        if abs(float(said)) == float("inf"):
            wrong(f"number {said} is too large", "put quotes round it where text is meant")
        return float(said)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", said):
        wrong(f"{said} is no value of a parameter", "parameters hold what JSON holds; put quotes round text")
    return said


def _form(pattern: str, form: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "x-form": form, "examples": list(examples)})


_TEXTLIKE = {"type": ["string", "number", "boolean"], "x-form": "text"}
Line = Annotated[str, BeforeValidator(_one_line), WithJsonSchema({"type": "string", "x-form": "text"})]
Truth = Annotated[bool, BeforeValidator(truth), WithJsonSchema({"type": "boolean", "x-form": "true or false"})]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer", "x-form": "whole number"})]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    _form(r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "duration", "30s", "45m", "1h30m"),
]
Slug = Annotated[str, BeforeValidator(_slug), _form(r"^[a-z0-9][a-z0-9-]{0,62}$", "name", "sales")]
Zone = Annotated[str, BeforeValidator(_zone), _form("", "IANA time zone", "Europe/Berlin")]
Cron = Annotated[str, BeforeValidator(_cron), _form("", "cron line", "30 6 * * mon-fri")]
Once = Annotated[
    str,
    BeforeValidator(_once),
    _form(r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?$", "date and time", "2026-01-31 06:30"),
]
_DAY = _form(r"^\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?$", "date, or date and time", "2026-01-31", "2026-01-31 06:30")
Start = Annotated[str, BeforeValidator(_start), _DAY]
End = Annotated[str, BeforeValidator(_end), _DAY]
Every = Annotated[float, BeforeValidator(_every), _form(r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?$", "duration", "2h", "1d")]
Notebook = Annotated[
    str,
    BeforeValidator(_notebook),
    _form(r"\.(ipynb|py|[rR]|Rmd|rmd|md)$", "path in the project", "notebooks/report.ipynb", "jobs/load.py"),
]
Inner = Annotated[
    str,
    BeforeValidator(lambda value: inner(text(value))),
    _form(r"^[^/~]", "path in the project, with `*`", "data/*.csv"),
]
Version = Annotated[
    str,
    BeforeValidator(_version),
    WithJsonSchema({"type": ["string", "number"], "x-form": "version", "examples": ["3.13"]}),
]
Url = Annotated[str, BeforeValidator(url), _form(r"^(https?|file)://", "address", "https://pypi.org/simple")]
Variable = Annotated[str, BeforeValidator(_variable), _form(r"^[A-Za-z_][A-Za-z0-9_]*$", "variable")]
Secret = Annotated[str, BeforeValidator(_secret), _form(r"^[A-Za-z_][A-Za-z0-9_]*$", "variable", "PGPASSWORD")]
Value = Annotated[str, BeforeValidator(text), WithJsonSchema(_TEXTLIKE)]
