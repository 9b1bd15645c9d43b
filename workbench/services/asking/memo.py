"""What one look at many requests asks only once: a project, a notebook, an environment, the state of a repository."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass
class Memo:
    """Answers by what was asked. It lives as long as one look: what is asked anew is what is so then.

    What an answer raises is not kept: each request is told for itself.
    """

    _answers: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def of(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer for `key`, by `ask` where it was not asked yet."""
        if key not in self._answers:
            self._answers[key] = ask()
        found: T = self._answers[key]
        return found
