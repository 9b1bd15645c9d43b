"""A Dockerfile as text: which images it takes, and what of its context it copies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_ESCAPE = re.compile(r"#\s*escape\s*=\s*(\S)", re.IGNORECASE)
_SYNTAX = re.compile(r"(#\s*syntax\s*=\s*)(\S+)", re.IGNORECASE)
_WORD = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*([\"']?)([A-Za-z_][\w.]*)\1")
_FROM = re.compile(r"(\s*FROM\s+(?:--\S+\s+)*)(\S+)(.*)", re.IGNORECASE | re.DOTALL)
_FROM_FLAG = re.compile(r"(--from=)(\S+)")
_MOUNT_FROM = re.compile(r"(--mount=\S*?\bfrom=)([^,\s]+)")


@dataclass(frozen=True)
class Step:
    """One instruction: its lines as they stand, its word in capitals, and what follows with continued lines joined."""

    text: str
    word: str = ""
    rest: str = ""


def steps(text: str) -> list[Step]:
    """All instructions in order; comments and blank lines have no word."""
    reader = _Reader(text)
    found: list[Step] = []
    while reader.left():
        found.append(reader.step())
    return found


class _Reader:
    """Goes through the lines of a Dockerfile once."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()
        self.number = 0
        self.escape = "\\"
        for line in self.lines:  # parser directives stand before all else
            if not line.startswith("#"):
                break
            if directive := _ESCAPE.match(line):
                self.escape = directive[1]

    def left(self) -> bool:
        return self.number < len(self.lines)

    def step(self) -> Step:
        whole = [self.next()]
        if _blank(whole[0]):
            return Step(whole[0])
        joined = self.joined(whole)
        word = _WORD.fullmatch(joined)
        if word and word[1].upper() in ("RUN", "COPY", "ADD"):
            for _, end in _HEREDOC.findall(joined):
                self.heredoc(whole, end)
        return Step("\n".join(whole), word[1].upper() if word else "", word[2].strip() if word else "")

    def next(self) -> str:
        line = self.lines[self.number]
        self.number += 1
        return line

    def joined(self, whole: list[str]) -> str:
        """The instruction in one line; comments and blank lines between continued ones are passed over."""
        part, joined = whole[0].rstrip(), ""
        while part.endswith(self.escape) and self.left():
            joined += part[:-1]
            while self.left() and _blank(self.lines[self.number]):
                whole.append(self.next())
            part = ""
            if self.left():
                whole.append(self.next())
                part = whole[-1].rstrip()
        return joined + part.removesuffix(self.escape)

    def heredoc(self, whole: list[str], end: str) -> None:
        while self.left():
            whole.append(self.next())
            if whole[-1].lstrip("\t") == end:
                return


def _blank(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def sources(text: str) -> list[str] | None:
    """Paths of the context that it copies, adds or mounts, as written; None where that cannot be told.

    What comes from another stage or from an address is no part of the context.
    """
    found: list[str] = []
    for step in steps(text):
        if step.word in ("COPY", "ADD"):
            flags, rest = _flags(step.rest)
            if any(flag.startswith("--from=") for flag in flags):
                continue
            words = _words(rest)
            found += [word for word in words[:-1] if not word.startswith(("http://", "https://", "git@", "<<"))]
        elif step.word == "RUN":
            for flag in _flags(step.rest)[0]:
                fields = dict(part.partition("=")[::2] for part in flag.removeprefix("--mount=").split(","))
                if flag.startswith("--mount=") and fields.get("type", "bind") == "bind" and "from" not in fields:
                    found.append(fields.get("source") or fields.get("src") or ".")
        elif step.word == "ONBUILD":
            return None
    return None if any("$" in word for word in found) else found


def secrets(text: str) -> list[str]:
    """Names of build secrets that it asks for."""
    names = []
    for step in steps(text):
        for flag in _flags(step.rest)[0] if step.word == "RUN" else ():
            fields = dict(part.partition("=")[::2] for part in flag.removeprefix("--mount=").split(","))
            if fields.get("type") in ("secret", "ssh"):
                names.append(fields.get("id") or fields.get("target") or fields["type"])
    return list(dict.fromkeys(names))


def images(text: str, args: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Images that it takes from registries, the last stage's own last; those whose names stay open are left out."""
    found: list[str] = []

    def note(image: str) -> str:
        if image in found:
            found.remove(image)
        found.append(image)
        return image

    replaced(text, note, args, syntax=False)
    return found


def replaced(
    text: str, other: Callable[[str], str], args: Mapping[str, str] = MappingProxyType({}), *, syntax: bool = True
) -> str:
    """The same with each image named as `other` has it; names of stages and `scratch` stay. `args` are given for `ARG`."""
    stages: set[str] = set()
    known: dict[str, str] = {}
    begun = False

    def named(image: str) -> str:
        whole = _filled(image, known)
        own = whole.lower() in stages or whole.isdigit() or whole == "scratch" or "$" in whole
        return image if own else other(whole)

    done: list[str] = []
    for step in steps(text):
        line = step.text
        if step.word == "ARG" and not begun:
            for word in step.rest.split():
                name, _, value = word.partition("=")
                known[name] = args.get(name, value.strip("\"'"))
        elif step.word == "FROM" and (found := _FROM.fullmatch(line)):
            begun = True
            line = f"{found[1]}{named(found[2])}{found[3]}"
            if stage := re.search(r"\bAS\s+(\S+)\s*$", step.rest, re.IGNORECASE):
                stages.add(stage[1].lower())
        elif step.word in ("COPY", "ADD"):
            line = _FROM_FLAG.sub(lambda found: found[1] + named(found[2]), line, count=1)
        elif step.word == "RUN":
            line = _MOUNT_FROM.sub(lambda found: found[1] + named(found[2]), line)
        elif syntax and not step.word and (found := _SYNTAX.fullmatch(line.strip())):
            line = found[1] + other(found[2])
        done.append(line)
    return "\n".join(done) + "\n"


def _filled(image: str, known: Mapping[str, str]) -> str:
    """With variables of `ARG` lines before the first stage filled in."""

    def value(found: re.Match[str]) -> str:
        name, default = found[1] or found[2], found[3] or ""
        return known.get(name) or default or found[0]

    return re.sub(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^}]*))?\})", value, image)


def _flags(rest: str) -> tuple[list[str], str]:
    flags = []
    while match := re.match(r"\s*(--[a-z-]+(?:=\S+)?)\s+", rest):
        flags.append(match[1])
        rest = rest[match.end() :]
    return flags, rest.strip()


def _words(rest: str) -> list[str]:
    """Words of COPY or ADD, in either form."""
    if rest.startswith("["):
        try:
            given = json.loads(rest)
        except ValueError:
            return []
        return [str(word) for word in given] if isinstance(given, list) else []
    return rest.split()
