"""A crontab read line by line, crontab(5): times, command, and what holds for it. What is in a command is not looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workbench.errors import Refused
from workbench.model.cron import parse_cron

_VARIABLE = re.compile(r"([A-Za-z_]\w*)\s*=\s*(.*)", re.ASCII)


@dataclass(frozen=True)
class Line:
    """One line that runs something. `cron` in five fields, or why it has no times in `problem`; `given` is what the command
    reads from its input, `user` who runs it where the table says so."""

    number: int
    text: str
    cron: str = ""
    command: str = ""
    user: str = ""
    given: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def zone(self) -> str:
        """The zone that its times are meant in; empty for the machine's."""
        return self.variables.get("CRON_TZ", "")


def read(text: str, *, with_user: bool = False) -> Iterator[Line]:
    """All lines that run something, in order. `with_user`: a sixth field names the account, as in /etc/crontab."""
    variables: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if found := _VARIABLE.fullmatch(line):
            variables[found[1]] = _unquoted(found[2].strip())
            continue
        yield _line(number, line, dict(variables), with_user=with_user)


def _line(number: int, text: str, variables: Mapping[str, str], *, with_user: bool) -> Line:
    times, rest = _split(text.removeprefix("-"), 1 if text.startswith("@") else 5)
    user = ""
    if with_user:
        user, rest = _split(rest, 1)
    command, given = _command(rest)
    made = Line(number, text, "", command, user, given, variables)
    if times.lower() == "@reboot":
        return _wrong(made, "it runs when the machine starts, not at a time")
    if not command:
        return _wrong(made, "it has no command" if with_user or not rest else "it is cut short")
    try:
        return Line(number, text, parse_cron(times), command, user, given, variables)
    except Refused as error:
        return _wrong(made, error.message)


def _wrong(line: Line, why: str) -> Line:
    return Line(line.number, line.text, "", line.command, line.user, line.given, line.variables, why)


def _split(text: str, fields: int) -> tuple[str, str]:
    """The first so many words, and the rest as it is."""
    words = text.split(maxsplit=fields)
    return " ".join(words[:fields]), words[fields] if len(words) > fields else ""


def _command(text: str) -> tuple[str, str | None]:
    """The command, and its input: a `%` that is not escaped ends the one and each line of the other."""
    parts = [part.replace("\\%", "%") for part in re.split(r"(?<!\\)%", text)]
    return parts[0].strip(), "\n".join(parts[1:]) if len(parts) > 1 else None


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
