"""A line of shell as far as crontabs have it: its commands one after the other, variables and dates written out, nothing run.

`$(date -d yesterday +%F)` becomes `${due - 1 day}`. What cannot be known stays a mark, and is refused where it is used.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.errors import Refused
from workbench.model.placeholder import UNITS
from workbench.text import one_line

ENDS = ("&&", "||", ";", "|", "&", "(", ")", "\n")
LOOPS = frozenset({"if", "for", "while", "until", "case", "function"})
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_GIVEN = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)
_REDIRECTION = re.compile(r"\d*(?:&>>?|>>|>\||>&|>|<<<|<<|<&|<)")
_MARK = re.compile("\0(\\d+)\0")
_AGO = re.compile(rf"(?:([+-]?)\s*(\d+)|(last|next))\s*({'|'.join(UNITS)})s?(\s+ago)?", re.ASCII)


@dataclass
class Command:
    """One command: its words, the sign before it, and how it was written."""

    words: list[str] = field(default_factory=list)
    after: str = ""
    text: str = ""


class Shell:
    """Reads one line. `variables` are known before it, and grow with what it sets."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = dict(variables)
        self._unknown: list[str] = []  # why each mark stands for nothing

    def commands(self, text: str) -> list[Command]:
        """All of them, in order. Raises `Refused` for what is no plain line."""
        found: list[Command] = []
        current, place = Command(), 0
        begin = 0
        while place < len(text):
            place = _spaces(text, place)
            end = next((one for one in ENDS if text.startswith(one, place)), "")
            redirection = _REDIRECTION.match(text, place)
            if place >= len(text) or text[place] == "#":
                break
            if redirection and not (end and end != "&"):
                place = self._past(text, redirection.end())
            elif end:
                self._close(found, current, text[begin:place])
                place += len(end)
                current, begin = Command(after=end), place
            else:
                word, place = self._word(text, place)
                current.words.append(word)
        self._close(found, current, text[begin:])
        return found

    def known(self, word: str) -> str:
        """The word where all of it is known. Raises `Refused`."""
        mark = _MARK.search(word)
        if mark:
            raise Refused(self._unknown[int(mark[1])])
        return word

    def _close(self, found: list[Command], command: Command, text: str) -> None:
        command.text = one_line(text.strip(), 200)
        words = [word for word in command.words if word not in ("{", "}", "then", "do", "!")]
        if words and words[0] in LOOPS:
            raise Refused(f"it has `{words[0]}`, a part of a program")
        exported = words[1:] if words[:1] == ["export"] else words
        given = [_GIVEN.fullmatch(word) for word in exported]
        if words and all(given):
            self.variables |= {one[1]: one[2] for one in given if one}
        elif words:
            command.words = words
            found.append(command)

    def _past(self, text: str, place: int) -> int:
        """Behind a redirection and where it leads."""
        place = _spaces(text, place)
        return self._word(text, place)[1] if place < len(text) else place

    def _word(self, text: str, place: int) -> tuple[str, int]:
        parts: list[str] = []
        while place < len(text) and text[place] not in " \t" and not text.startswith(ENDS, place):
            if text[place] in "<>" and parts:
                break
            piece, place = self._piece(text, place)
            parts.append(piece)
        word = "".join(parts)
        return (self.variables.get("HOME", "~") + word[1:] if re.match(r"~(/|$)", word) else word), place

    def _piece(self, text: str, place: int) -> tuple[str, int]:
        char = text[place]
        if char == "'":
            end = text.find("'", place + 1)
            if end < 0:
                raise Refused("a quote is not closed")
            return text[place + 1 : end].replace("${", "$${"), end + 1
        if char == '"':
            return self._quoted(text, place + 1)
        if char == "\\":
            return text[place + 1 : place + 2], place + 2
        if char in "$`":
            return self._reference(text, place)
        return char, place + 1

    def _quoted(self, text: str, place: int) -> tuple[str, int]:
        parts: list[str] = []
        while place < len(text) and text[place] != '"':
            if text[place] == "\\" and text[place + 1 : place + 2] in ('"', "\\", "$", "`"):
                parts.append(text[place + 1])
                place += 2
            elif text[place] in "$`":
                piece, place = self._reference(text, place)
                parts.append(piece)
            else:
                parts.append(text[place])
                place += 1
        if place >= len(text):
            raise Refused("a quote is not closed")
        return "".join(parts), place + 1

    def _reference(self, text: str, place: int) -> tuple[str, int]:
        """`$NAME`, `${NAME}`, `$(command)` or a command in backticks."""
        if text[place] == "`" or text.startswith("$(", place):
            begin = place + (1 if text[place] == "`" else 2)
            end = text.find("`", begin) if text[place] == "`" else _closing(text, begin)
            if end < 0:
                raise Refused("a command in a command is not closed")
            inside = text[begin:end]
            return date_of(inside) or self._mark(
                f"what `{one_line(inside, 60)}` says is not known before it runs"
            ), end + 1
        braces = text.startswith("${", place)
        found = _NAME.match(text, place + (2 if braces else 1))
        end = found.end() if found else place + 1
        if found and (not braces or text.startswith("}", end)):
            name = found[0]
            value = self.variables.get(name)
            return value if value is not None else self._mark(f"${name} is not set in the crontab"), end + braces
        if braces:
            end = text.find("}", place)
            return self._mark(f"`{one_line(text[place : end + 1], 60)}` is not understood"), max(end, place) + 1
        return "$", place + 1

    def _mark(self, why: str) -> str:
        self._unknown.append(why)
        return f"\0{len(self._unknown) - 1}\0"


def date_of(command: str) -> str:
    """`date +%F` and what is like it as a reference to the due time; empty where it is something else."""
    try:
        program, *words = shlex.split(command)
    except ValueError:
        return ""
    if program not in ("date", "/bin/date", "/usr/bin/date"):
        return ""
    said, form = "", ""
    while words:
        word = words.pop(0)
        if word in ("-d", "--date") and words:
            said = words.pop(0)
        elif word.startswith("--date="):
            said = word.removeprefix("--date=")
        elif word.startswith("-d"):
            said = word[2:]
        elif word in ("-I", "--iso-8601", "-Idate"):
            form = "%Y-%m-%d"
        elif word.startswith("+"):
            form = word[1:].replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S")
        else:
            return ""
    shift = _shift(said.strip().lower())
    if shift is None or not form or re.search(r"[|{}]", form):
        return ""
    return f"${{due{shift}{'' if form == '%Y-%m-%d' else f':{form}'}}}"


def _shift(said: str) -> str | None:
    """`yesterday` as ` - 1 day`; None where it is no plain distance."""
    plain = {"": "", "now": "", "today": "", "yesterday": " - 1 day", "tomorrow": " + 1 day"}
    if said in plain:
        return plain[said]
    found = _AGO.fullmatch(said)
    if not found:
        return None
    sign, count, word, unit, ago = found.groups()
    back = (sign == "-" or word == "last") != bool(ago)
    return f" {'-' if back else '+'} {count or 1} {unit}{'s' if count not in (None, '1') else ''}"


def _spaces(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t":
        place += 1
    return place


def _closing(text: str, place: int) -> int:
    depth = 1
    for at in range(place, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if not depth:
            return at
    return -1
