"""The terms of a run: how urgent it is, how long each part of it may take, and when it is tried again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

WORDS = {"low": -10, "normal": 0, "high": 10}  # of priorities; any number between the bounds will do
LEAST_URGENT, MOST_URGENT = -100, 100
DELAY, FACTOR, LONGEST = 5.0, 2.0, 300.0  # seconds before the second try, what each pause is multiplied by, the longest
RETRIED = frozenset({"failed", "timed-out", "out-of-memory", "crashed", "interrupted"})  # ends after which it may be


def priority_of(said: str) -> int:
    """The number of `high`, `normal`, `low`, or of a number in words. Raises ValueError."""
    if said in WORDS:
        return WORDS[said]
    try:
        number = int(said)
    except ValueError:
        number = MOST_URGENT + 1
    if not LEAST_URGENT <= number <= MOST_URGENT:
        raise ValueError(f"{said[:40]!r} is no priority: write low, normal, high, or a number from -100 to 100")
    return number


def priority_word(number: int) -> str:
    """`high` for 10, `7` for 7."""
    return next((word for word, value in WORDS.items() if value == number), str(number))


@dataclass(frozen=True)
class Terms:
    """Lengths in seconds. `queue` until it begins, `start` until its kernel answers, `cell` of each cell.

    The pause before a second try is `delay`, times `factor` for each further one, up to `longest`; it is tried again after
    the ends in `on` alone. How often is a number of the run itself, as is the limit of the whole run.
    """

    queue: float | None = None
    start: float | None = None
    cell: float | None = None
    delay: float = DELAY
    factor: float = FACTOR
    longest: float | None = None
    on: frozenset[str] = RETRIED
    keep: float | None = None  # seconds for which its kernel is kept where a cell fails; 0: not; None: not said

    @property
    def cap(self) -> float:
        """The longest pause between two tries."""
        return max(LONGEST, self.delay) if self.longest is None else self.longest

    def pause(self, tries: int) -> timedelta:
        """How long is waited after so many tries."""
        steps = min(max(tries, 1) - 1, 60)
        return timedelta(seconds=min(self.delay * min(self.factor**steps, 1e9), self.cap))

    def kept(self, *usual: float | None) -> Terms:
        """The same with how long a kernel is kept, by the first of `usual` that says so where these do not."""
        said = next((one for one in (self.keep, *usual) if one is not None), None)
        return self if said == self.keep else replace(self, keep=said)

    def begin_by(self, created: datetime) -> datetime | None:
        """When a run asked for then must have begun; None where it may wait."""
        return created + timedelta(seconds=self.queue) if self.queue else None

    def limits(self, run: float | None, told: Callable[[float], str]) -> str:
        """`45m, to begin 2h, each cell 10m`; empty for none. `run`: that of the whole run."""
        said = (("", run), ("to begin ", self.queue), ("to start ", self.start), ("each cell ", self.cell))
        return ", ".join(f"{what}{told(length)}" for what, length in said if length)

    def within(self, others: Terms) -> Terms:
        """The same, with the limits of `others` where it has none."""
        return replace(
            self,
            queue=others.queue if self.queue is None else self.queue,
            start=others.start if self.start is None else self.start,
            cell=others.cell if self.cell is None else self.cell,
        )

    def tried(self, others: Terms) -> Terms:
        """The same, tried again as `others` are, but for what differs from the usual here."""
        usual = Terms()
        names = [one for one in ("delay", "factor", "longest", "on") if getattr(self, one) == getattr(usual, one)]
        return replace(self, **{name: getattr(others, name) for name in names})

    def to_json(self) -> str:
        """What differs from the terms of a run that says nothing, as one JSON object."""
        usual = Terms()
        said = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data = {name: value for name, value in said.items() if value != getattr(usual, name)}
        if "on" in data:
            data["on"] = sorted(self.on)
        return json.dumps(data)

    @classmethod
    @lru_cache(maxsize=256)
    def from_json(cls, text: str) -> Terms:
        """The reverse of `to_json`; a home has few different ones."""
        data = json.loads(text)
        if "on" in data:
            data["on"] = frozenset(data["on"])
        return cls(**data)
