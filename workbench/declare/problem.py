"""What is wrong in a declaration, and where: one `Problem` each, raised together as `DeclarationError`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from workbench.errors import Refused
from workbench.text import clean, one_line

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Problem:
    """A fault in a file. `line` and `column` start at 1; 0 where the whole file is meant.

    `hint` completes the sentence (`did you mean 'ports'?`), `excerpt` is the line of the file. A `notice` is no fault:
    the declaration holds, and the person should know.
    """

    path: Path
    line: int
    column: int
    message: str
    hint: str = ""
    excerpt: str = ""
    notice: bool = False
    label: str = ""  # how the path is shown; relative to the home where it lies in it

    @property
    def where(self) -> str:
        """`environments/x.yaml:12:3`, without numbers where the whole file is meant."""
        place = f":{self.line}:{self.column}" if self.line else ""
        return one_line(self.label or str(self.path)) + place

    def __str__(self) -> str:
        join = " " if self.message.endswith("?") else ": "
        return one_line(f"{self.where}: {self.message}{join if self.hint else ''}{self.hint}")

    @property
    def picture(self) -> str:
        """The line of the file with a caret under the place, on two lines; empty where there is none."""
        if not self.excerpt or not self.line:
            return ""
        start = max(0, self.column - 61)
        shown = clean(self.excerpt[start : start + 100].replace("\t", " "))
        gutter = f"{self.line:>5} | "
        return f"{gutter}{shown}\n{' ' * (len(gutter) - 2)}| {' ' * (self.column - 1 - start)}^"

    @property
    def described(self) -> str:
        """The problem on one line, and below it the place in the file."""
        return f"{self}\n{self.picture}" if self.picture else str(self)

    def labelled(self, root: Path) -> Problem:
        """The same, with its path shown relative to `root` where it lies in it."""
        for start in (root, root.resolve()):
            if self.path.is_relative_to(start):
                return replace(self, label=str(self.path.relative_to(start)))
        return self


class DeclarationError(Refused):
    """Files that cannot be taken as they are; `problems` has every fault found in them, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        first = self.problems[0]
        more = len(self.problems) - 1
        count = f" (and {more} more)" if more else ""
        super().__init__(one_line(first.message) + count, title=first.where, hint=one_line(first.hint))

    def __str__(self) -> str:
        return "\n".join(problem.described for problem in self.problems)


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What reading a declaration gave: its value where nothing is wrong, else every problem; notices in any case."""

    value: T | None
    problems: tuple[Problem, ...] = ()
    notices: tuple[Problem, ...] = ()

    def get(self) -> T:
        """The value. Raises `DeclarationError` with all problems where there is none."""
        if self.value is None or self.problems:
            raise DeclarationError(self.problems)
        return self.value
