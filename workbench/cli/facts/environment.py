"""What `environments show` and the list say of an environment."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from workbench.text import age, one_line

if TYPE_CHECKING:
    from workbench.services.environments import EnvironmentView


def unpinned(view: EnvironmentView) -> str:
    """What is in an existing Python may change from run to run."""
    borrowed = view.revision.borrowed if view.revision else bool(view.spec and view.spec.use)
    return ", not pinned" if borrowed else ""


def held(view: EnvironmentView) -> str | None:
    """The older revision that it is held at."""
    if not view.held or view.revision is None:
        return None
    moved = "what is declared now is another" if view.moved_on else "it is what is declared now too"
    return f"at revision {view.revision.id}; {moved}\nFollow the declaration: workbench environments activate {view.name} --newest"


def behind(view: EnvironmentView, now: datetime) -> str:
    """That the newest build failed, and what is in use instead."""
    if not view.behind or view.build is None or view.revision is None:
        return ""
    failed = f"{view.name}: its newest build, b{view.build.id}, failed: {one_line(view.behind, 200)}"
    when = f" of {age(view.built, now)} ago" if view.built else ""
    return f"{failed}. In use is {view.revision.id}{when}."


def locked(view: EnvironmentView) -> str:
    """How much a lock has of it, and what that lacks."""
    lock = view.spec.locked if view.spec else None
    if lock is None or view.spec is None:
        return ""
    python = view.spec.python.packages if view.spec.python else ()
    lacking = [*lock.lacks([line for line in python if "@" not in line])]
    more = f"; not in it: {', '.join(lacking)} (workbench environments lock {view.name})" if lacking else ""
    return f"{len(lock.python) + len(lock.debian)} packages{more}"


def secrets(view: EnvironmentView) -> str:
    """The secrets that it wants, those not set named."""
    wanted = view.spec.secrets if view.spec else ()
    return ", ".join(f"{name} (not set)" if name in view.missing_secrets else name for name in wanted)


def source(view: EnvironmentView) -> str:
    """The file that declares it."""
    return "shipped" if view.spec and view.spec.shipped else str(view.source or "")


def because(view: EnvironmentView) -> str:
    """Why its engine was chosen."""
    return f": {view.engine_reason}" if view.engine_reason else ""
