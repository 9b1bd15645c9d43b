"""`.dockerignore`: which files of a folder a build does not see (docs.docker.com, Build context)."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Ignoring:
    """Rules in order, the last that matches decides; each `(pattern, ignored)`."""

    rules: tuple[tuple[re.Pattern[str], bool], ...] = ()

    @classmethod
    def of(cls, text: str) -> Ignoring:
        """Out of the text of the file."""
        rules = []
        for line in text.splitlines():
            pattern = line.strip()
            if not pattern or pattern.startswith("#"):
                continue
            keep = pattern.startswith("!")
            pattern = pattern.removeprefix("!").strip().strip("/").removeprefix("./")
            if pattern and pattern != ".":
                rules.append((re.compile(_regex(pattern)), not keep))
        return cls(tuple(rules))

    def also(self, *patterns: str) -> Ignoring:
        """With further patterns that are left out, wherever they match."""
        more = tuple((re.compile(_regex(f"**/{pattern}")), True) for pattern in patterns)
        return Ignoring((*self.rules, *more))

    def ignored(self, path: str) -> bool:
        """Whether `a/b` is left out: by a rule for itself, or for a folder above it."""
        parts = path.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        out = False
        for pattern, ignored in self.rules:
            if any(pattern.fullmatch(one) for one in above):
                out = ignored
        return out

    @property
    def keeps_within(self) -> bool:
        """Whether something in an ignored folder may be kept: then it has to be looked into."""
        return any(not ignored for _, ignored in self.rules)


def _regex(pattern: str) -> str:
    """Go's filepath.Match, with `**` for any number of folders."""
    done, place = "", 0
    while place < len(pattern):
        sign = pattern[place]
        if pattern.startswith("**/", place):
            done, place = done + "(?:.*/)?", place + 3
        elif pattern.startswith("**", place):
            done, place = done + ".*", place + 2
        elif sign == "*":
            done, place = done + "[^/]*", place + 1
        elif sign == "?":
            done, place = done + "[^/]", place + 1
        elif sign == "[" and (end := pattern.find("]", place + 2)) > 0:
            inner = pattern[place + 1 : end].replace("\\", "\\\\")
            done, place = f"{done}[{inner}]", end + 1
        elif sign == "\\" and place + 1 < len(pattern):
            done, place = done + re.escape(pattern[place + 1]), place + 2
        else:
            done, place = done + re.escape(sign), place + 1
    return done
