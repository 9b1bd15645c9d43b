"""What a lock pins: Debian packages in exact versions, and Python's and R's parts of it."""

from __future__ import annotations

from workbench.engines.docker.images.recipe import system
from workbench.engines.docker.images.recipe.sheet import Sheet

EXACT = "Debian packages in exact versions"
LIST = "debian.txt"
SNAPSHOT = "http://snapshot.debian.org/archive/debian"


def debian(sheet: Sheet) -> None:
    """All of Debian's packages of the lock; what the mirror has no more comes from the snapshot of that day."""
    lock = sheet.spec.locked
    if lock is None or not lock.debian or sheet.footing:
        return
    sheet.files[LIST] = "".join(f"{line}\n" for line in lock.debian)
    install = f"xargs apt-get install -q -y --no-install-recommends --allow-downgrades < /build/{LIST}"
    source = "/etc/apt/sources.list.d/snapshot.list"
    snapshot = (
        f"echo 'deb [check-valid-until=no] {SNAPSHOT}/{lock.snapshot} trixie main' > {source}"
        f" && apt-get update -q && {install} && rm {source}"
    )
    mounts = [*system.mounts(sheet), *sheet.shown(LIST)]
    commands = [*system.before(sheet), f"{{ {install} || {{ {snapshot}; }}; }}", *system.after(sheet)]
    sheet.run(mounts, commands, EXACT)


def r_check(sheet: Sheet) -> str:
    """Lines of R that stop where a package of the lock is of another version; empty without one."""
    lock = sheet.spec.locked
    if lock is None or not lock.r:
        return ""
    pairs = ", ".join(f'"{name}" = "{version}"' for name, version in lock.r_versions.items())
    return (
        f"locked <- c({pairs})\n"
        'there <- installed.packages()[, "Version"]\n'
        "other <- names(locked)[is.na(there[names(locked)]) | there[names(locked)] != locked]\n"
        'if (length(other)) stop("not of the locked version: ", paste(other, collapse = ", "), '
        '"; lock again to take what was added with what it needs", call. = FALSE)\n'
    )
