"""Which files of its project a run sees: as they are, as they were when it was asked for, or of a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import Refused
from workbench.text import one_line

LIVE, FROZEN = "live", "frozen"
OUTSIDE = ("data", "runs")  # folders of a project that every run sees as they are
_REF = re.compile(r"[^\s:?*\[\\\x00-\x1f\x7f-][^\s:?*\[\\\x00-\x1f\x7f]{0,199}")


@dataclass(frozen=True, slots=True)
class Code:
    """What is declared with `code:`. `what` is `live`, `frozen`, or a branch, tag or commit.

    `fetch`: the repository's remote is asked for it first; `fetched`: that was done just now.
    """

    what: str = LIVE
    fetch: bool = False
    fetched: bool = False

    @property
    def live(self) -> bool:
        """Whether it is the project's folder itself."""
        return self.what == LIVE

    @property
    def ref(self) -> str:
        """The branch, tag or commit; empty where it is none."""
        return "" if self.what in (LIVE, FROZEN) else self.what

    @property
    def declared(self) -> str | dict[str, Any]:
        """As a file says it; empty for live."""
        if self.live:
            return ""
        return {"ref": self.what, "fetch": True} if self.fetch else self.what

    @property
    def after_fetch(self) -> Code:
        """The same, once the remote was asked."""
        return replace(self, fetched=True)

    def __str__(self) -> str:
        return f"{self.what}, fetched first" if self.fetch else self.what


AS_IT_IS = Code()


def code(what: str, *, fetch: bool = False) -> Code:
    """What was said, checked. Raises `Refused`."""
    if not _REF.fullmatch(what) or ".." in what or what.endswith((".lock", "/", ".")):
        raise Refused(
            f"{one_line(what, 80)!r} is no branch, tag or commit", hint="live, frozen, or as main, v1.2 or 1a2b3c4"
        )
    if fetch and what in (LIVE, FROZEN):
        raise Refused(f"{what} code is not fetched", hint="Name a branch or tag: that is fetched.")
    return Code(what, fetch)
