"""The errors that people see: what happened, where, and what to do.

WorkbenchError
├── Refused             the request itself cannot be met; nothing was changed
│   └── DeclarationError   one or more problems in YAML files, each with its place
├── NotFound            the named thing does not exist; names what does
├── Conflict            it changed meanwhile, or is in use
├── EngineDown          the engine cannot be reached now; work waits
├── BuildFailed         an environment could not be built
└── StoreError          the state cannot be used (newer schema, wrong owner, disk full)
    └── StoreHeld          another process has locked it; nothing was read or changed
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class WorkbenchError(Exception):
    """An error for people: `message` says what, `title` where, `hint` what to do."""

    def __init__(self, message: str, *, title: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.title = title
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.title}: {self.message}" if self.title else self.message
        return f"{head}\n{self.hint}" if self.hint else head


class Refused(WorkbenchError):
    """The request cannot be met as it stands; nothing was changed."""


class NotFound(WorkbenchError, LookupError):
    """A thing of that name does not exist; the hint names the nearest, or those that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), *, hint: str = "", message: str = "") -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=1)
        if not hint and close:
            hint = f"Did you mean {close[0]}?"
        elif not hint and names:
            hint = f"There are: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
        super().__init__(message or f"no {kind} named {name!r}", hint=hint)
        self.kind = kind
        self.name = name


class Conflict(WorkbenchError):
    """The thing changed meanwhile, exists already, or is in use."""


class EngineDown(WorkbenchError):
    """The engine does not answer; what needs it waits until it does."""


class BuildFailed(WorkbenchError):
    """An environment could not be built; `step` is the failed step, `tail` its last lines."""

    def __init__(
        self, message: str, *, title: str = "", hint: str = "", step: str = "", tail: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, title=title, hint=hint)
        self.step = step
        self.tail = tail


class StoreError(WorkbenchError):
    """The state of this home cannot be used as it is."""


class StoreHeld(StoreError):
    """Another process has locked it for longer than can be waited; `pid` is that process, 0 where it is not known."""

    def __init__(self, message: str, *, title: str = "", hint: str = "", pid: int = 0) -> None:
        super().__init__(message, title=title, hint=hint)
        self.pid = pid


MAKE_ROOM = "Make room: `workbench prune --dry-run` shows what can go."


def in_words(error: OSError) -> tuple[str, str]:
    """What the system refused, and what to do where that is known: a full disk is said as one, whoever met it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            "the disk is full" if error.errno == errno.ENOSPC else "the account's quota of the disk is used up",
            MAKE_ROOM,
        )
    said = error.strerror or str(error)
    return (f"{said}: {error.filename}" if error.filename else said), ""
