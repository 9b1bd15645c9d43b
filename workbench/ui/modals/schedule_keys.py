"""The calm part of a schedule's form: what most schedules do not say, folded away until somebody asks for it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from textual.widgets import Collapsible

from workbench.errors import WorkbenchError
from workbench.ui.modals.form import choice, line

Key = tuple[str, ...]
PREFIX = "k:"
TITLE = "more: overlap, limits, retries, who is told, what is kept"


@dataclass(frozen=True)
class Row:
    """One line: its key in the file, its label, the option of the command, and what may stand in it."""

    key: Key
    label: str
    option: str
    hint: str = ""
    example: str = ""
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of its field."""
        return PREFIX + ".".join(self.key)


ROWS = (
    Row(("start",), "not before", "--start", "a day, or with a time of day", "e.g. 2026-01-02"),
    Row(("end",), "not after", "--end", "a day, or with a time of day", "e.g. 2026-12-31"),
    Row(("jitter",), "spread over", "--jitter", "each time is fired up to so much later", "e.g. 5m"),
    Row(("overlap",), "while one runs", "--overlap", "", "skip", ("skip", "queue", "replace", "allow")),
    Row(("catch_up",), "when it was down", "--catch-up", "", "latest", ("latest", "all", "none")),
    Row(("catch_up_window",), "not later than", "--catch-up-window", "how late one may be made up for", "e.g. 2h"),
    Row(("priority",), "priority", "--priority", "", "normal", ("low", "normal", "high")),
    Row(("timeout", "run"), "limit of a run", "--timeout", "", "e.g. 45m"),
    Row(("timeout", "cell"), "limit of a cell", "--cell-timeout", "", "e.g. 10m"),
    Row(("retries", "count"), "further tries", "--retries", "of a run that does not succeed", "0"),
    Row(("keep_kernel",), "keep its kernel", "--keep-kernel", "where a cell fails, to go on in it", "e.g. 30m"),
    Row(
        ("notify", "failure"),
        "tell of failures",
        "--notify failure=",
        "mail or apprise addresses",
        "e.g. ann@acme.example",
    ),
    Row(
        ("notify", "late"), "tell of late ones", "--notify late=", "mail or apprise addresses", "e.g. ann@acme.example"
    ),
    Row(
        ("deliver",),
        "deliver to",
        "--deliver",
        "a file; ${due:%Y-%m} in it is written out",
        "e.g. /srv/${due}.html",
    ),
    Row(("tags",), "tags", "--tag", "words that its runs are found by", "e.g. month-end"),
    Row(("keep", "last"), "keep runs", "--keep-last", "the newest so many", "all"),
    Row((), "other keys", "--set", "as in its file: keep.failed=true 'inputs=[data/a.csv]'", "KEY=YAML"),
)
_BY_NAME = {row.name: row for row in ROWS}
_SEVERAL = (("notify", "failure"), ("notify", "late"), ("tags",))


def folded(there: Mapping[str, Any], rows: Iterable[Row] = ROWS, title: str = TITLE) -> Collapsible:
    """The lines, with what a file that says `there` has in them."""
    known = texts(there)
    fields = [
        choice(row.name, row.label, row.words, known[row.name], prompt=f"{row.example} (as usual)")
        if row.words
        else line(row.name, row.label, known[row.name], placeholder=row.example, hint=row.hint)
        for row in rows
    ]
    return Collapsible(*fields, title=title, collapsed=True)


def texts(there: Mapping[str, Any]) -> dict[str, str]:
    """What stands in each line; empty for what the file does not say, or not in a line's way."""
    from workbench.declare import single_keys

    found = {}
    for row in ROWS:
        value = single_keys.at(there, row.key) if row.key else None
        plain = [str(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str | int)]
        fits = value is not None and (not isinstance(value, list) or len(plain) == len(value))
        found[row.name] = ", ".join(plain) if fits else ""
    return found


def changes(values: Mapping[str, str], there: Mapping[str, Any], errors: dict[str, str]) -> dict[Key, Any]:
    """Keys that differ from the file, None for those taken out. Errors are added to `errors`."""
    from workbench.declare import single_keys

    before, found = texts(there), dict[Key, Any]()
    for name, row in _BY_NAME.items():
        text = values.get(name, "").strip()
        if not row.key:
            try:
                found |= dict(map(single_keys.said, shlex.split(text)))
            except (WorkbenchError, ValueError) as error:
                errors[name] = (
                    error.message if isinstance(error, WorkbenchError) else f"a quote is not closed ({error})"
                )
        elif text != before[name]:
            found[row.key] = _value(row, text) if text else None
    return found


def check(base: Mapping[str, Any], keys: Mapping[Key, Any], errors: dict[str, str]) -> None:
    """What the strict reader says of each key in a file that says `base`, then of all; added to `errors`."""
    from workbench.declare import load_schedule, single_keys, writer

    def wrong(some: Mapping[Key, Any]) -> str:
        problems = load_schedule(writer.dump(single_keys.merged(base, some)), name="s").problems
        return ". ".join(filter(None, (problems[0].message, problems[0].hint))) if problems else ""

    if wrong({}):
        return  # told elsewhere
    bad = {key: text for key, value in keys.items() if value is not None and (text := wrong({key: value}))}
    if keys and not bad and (text := wrong(keys)):
        bad = {list(keys)[-1]: text}
    for key, text in bad.items():
        errors[name if (name := PREFIX + ".".join(key)) in _BY_NAME else PREFIX] = text


def words(keys: Mapping[Key, Any]) -> list[str]:
    """The same as options of `schedules add` and `schedules set`."""
    import json

    parts: list[str] = []
    for key, value in keys.items():
        row = _BY_NAME.get(PREFIX + ".".join(key))
        if value is None:
            parts += ["--clear", ".".join(key)]
        elif row is None or isinstance(value, dict):
            parts += ["--set", f"{'.'.join(key)}={json.dumps(value, ensure_ascii=False)}"]
        elif key in _SEVERAL:
            option, _, begin = row.option.partition(" ")
            parts += [part for one in value for part in (option, begin + one)]
        else:
            parts += [row.option, str(value[0] if isinstance(value, list) else value)]
    return parts


def _value(row: Row, text: str) -> Any:
    if row.key in _SEVERAL:
        return [one.strip() for one in text.split(",") if one.strip()]
    if row.key == ("deliver",):
        return [text]
    return int(text) if text.isdigit() else text
