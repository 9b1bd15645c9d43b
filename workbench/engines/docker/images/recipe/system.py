"""Debian packages: the languages, and what is declared."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from workbench.engines.docker.images.recipe.python import PATH
from workbench.engines.docker.images.recipe.sheet import LOCKED, Dialect, Sheet


def variables(sheet: Sheet) -> None:
    """What programs are told in all images of ours."""
    sheet.add(f"ENV LANG=C.UTF-8 \\\n    PATH={PATH}")


def runtime(sheet: Sheet, *, python: bool) -> None:
    """The languages, from Debian where it has the version asked for."""
    locked = sheet.spec.locked.debian_names if sheet.spec.locked else frozenset[str]()
    names = ["ca-certificates"]
    of_debian = not sheet.base.startswith("python:")
    if of_debian and python:
        names.append("python3")
    if sheet.spec.r and not sheet.base.startswith("rocker/"):
        names += ["r-base-core", "r-cran-irkernel"]
    names = [name for name in names if name not in locked]
    if names:
        _install(sheet, names, "The languages")
    if not of_debian:
        sheet.add(
            "RUN python3 -m compileall -q -j 0 \"$(python3 -c 'import os; print(os.path.dirname(os.__file__))')\" || true",
            "The public image has no bytecode of the standard library, and starts slowly for it; what does not compile is no loss",
        )


def packages(sheet: Sheet) -> None:
    """What is declared under `apt:`, and what the IDEs need."""
    locked = sheet.spec.locked.debian_names if sheet.spec.locked else frozenset[str]()
    names = [name for name in sheet.wanted.apt if name.partition("=")[0] not in locked]
    if names:
        _install(sheet, names, "System packages")


def mounts(sheet: Sheet) -> list[str]:
    """What a step that asks apt has mounted: lists and archives that stay for the next build."""
    if sheet.dialect is Dialect.CLASSIC:
        return []
    return [
        f"type=cache,target=/var/cache/apt{LOCKED}",
        f"type=cache,target=/var/lib/apt/lists{LOCKED}",
    ]


def before(sheet: Sheet) -> list[str]:
    """Commands that come before apt is asked."""
    keep = [] if sheet.dialect is Dialect.CLASSIC else ["rm -f /etc/apt/apt.conf.d/docker-clean"]
    return ["export DEBIAN_FRONTEND=noninteractive", *keep, "apt-get update -q"]


def after(sheet: Sheet) -> list[str]:
    """Commands that leave nothing of apt's own behind, where that is not mounted."""
    return ["apt-get clean", "rm -rf /var/lib/apt/lists/*"] if sheet.dialect is Dialect.CLASSIC else []


def _install(sheet: Sheet, names: Sequence[str], title: str) -> None:
    quoted = " \\\n        ".join(shlex.quote(name) for name in names)
    install = f"apt-get install -q -y --no-install-recommends \\\n        {quoted}"
    sheet.run(mounts(sheet), [*before(sheet), install, *after(sheet)], title)
