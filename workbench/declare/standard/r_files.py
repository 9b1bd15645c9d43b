"""What a project says of its R: `renv.lock`, `DESCRIPTION`, `install.R`."""

from __future__ import annotations

from pathlib import Path

from workbench.declare import sources
from workbench.declare.standard import description, renv
from workbench.declare.standard.draft import Draft
from workbench.text import plural

USUAL = "4.5"  # of the images that are made here


def take_renv(draft: Draft, path: Path) -> None:
    """Exact versions, restored by renv itself at the build."""
    text = draft.text(path)
    draft.r = True
    draft.r_lock = draft.named(path)
    if text is None:
        return
    found = renv.parse(text)
    if isinstance(found, str):
        draft.problem(path, found)
        return
    if found.r_version and draft.r_version is None:
        # renv warns of no more than another minor version; Debian's stands for all of its own.
        minor = found.r_version.rpartition(".")[0] if found.r_version.count(".") == 2 else found.r_version
        draft.r_version = minor if minor == USUAL else found.r_version
    draft.gave(
        path, f"R {found.r_version or ''}".strip() + f", {plural(len(found.packages), 'R package')} in exact versions"
    )
    if found.sources:
        shown = ", ".join(found.sources[:5]) + (" …" if len(found.sources) > 5 else "")
        draft.notice(path, f"not from a repository: {shown}", "the build needs the network to get them")


def take_description(draft: Draft, path: Path) -> bool:
    """An R package: what it needs, and itself. False where the file describes none."""
    text = draft.text(path)
    found = description.parse(text) if text else None
    if found is None:
        return False
    draft.r = True
    draft.r_packages += found.needs
    draft.r_local = sources.package(path.parent)
    draft.gave(path, f"the R package {found.package} itself, and what it needs")
    if found.remotes:
        draft.notice(path, f"Remotes are not read: {', '.join(found.remotes[:5])}", "install them in install.R")
    return True


def take_script(draft: Draft, path: Path) -> None:
    """`install.R`, which is run at the build."""
    text = draft.text(path)
    draft.r = True
    draft.script = draft.named(path)
    if text is not None:
        draft.gave(path, "R packages")
