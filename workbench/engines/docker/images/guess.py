"""Which Debian package was probably meant by one there is not, by the names that Debian itself has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from difflib import SequenceMatcher
from threading import Event

from workbench.engines.base import Cancelled
from workbench.engines.docker import throwaway
from workbench.engines.docker.connection import Connection
from workbench.errors import BuildFailed, WorkbenchError

UNKNOWN = re.compile(r"E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)")
MOST = 3  # names that are offered
SURE = 0.72  # how like a name must be


def better(error: BuildFailed, connection: Connection, image: str, *, home: str, cancelled: Event) -> BuildFailed:
    """The error with what was probably meant, where it is about a package that Debian does not have."""
    wrong = list(dict.fromkeys(one or other for one, other in UNKNOWN.findall("\n".join(error.tail))))[:MOST]
    if not wrong:
        return error
    starts = " ".join(shlex.quote(prefix(name)) for name in wrong)
    script = f"apt-get update -q >/dev/null 2>&1; for start in {starts}; do apt-cache pkgnames $start; done"
    try:
        said = throwaway.say(connection, image, script, home=home, cancelled=cancelled)
    except (WorkbenchError, Cancelled):
        return error
    names = (said or "").split()
    parts = []
    for name in wrong:
        meant = nearest(name, names)
        parts.append(f"Unable to locate package {name}" + (f": did you mean {' or '.join(meant)}?" if meant else ""))
    better = BuildFailed("; ".join(parts), title=error.title, hint=error.hint, step=error.step, tail=error.tail)
    if "did you mean" in better.message:
        better.hint = "Write the package's name as Debian has it under `apt:`."
    return better


def prefix(name: str) -> str:
    """What the names to compare with begin with: enough of it that there are not too many."""
    return name[: 5 if name.startswith("lib") else 3].lower()


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """The names most like it: with `-dev` first, as that is what builds ask for, then by likeness."""
    name = name.lower()
    known = set(names)
    if f"{name}-dev" in known:
        return [f"{name}-dev"]
    if f"python3-{name}" in known:
        return [f"python3-{name}"]
    scored = sorted(((SequenceMatcher(None, name, other).ratio(), other) for other in known), reverse=True)
    best = [other for score, other in scored if score >= SURE]
    return best[: 1 if best and scored[0][0] > 0.9 else 2]
