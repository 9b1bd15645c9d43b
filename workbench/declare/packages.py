"""Names of packages as declarations may write them: Python requirements, CRAN and Debian packages."""

from __future__ import annotations

import re

from workbench.declare.scalars import wrong

# PEP 508: a name, extras, then versions, a marker or `@ address`; checked in full by the resolver.
_CLAUSE = r"(?:===?|[~!<>]=|[<>])\s*[\w.*+-]+(?:![\w.*+-]+)?"
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9,._\s-]*\]\s*)?"
    rf"\(?(?:\s*{_CLAUSE}(?:\s*,\s*{_CLAUSE})*\s*,?)?\s*\)?\s*(?:;.+)?",
    re.ASCII,
)
_ADDRESS = re.compile(
    r"(?:[A-Za-z0-9][\w.-]*\s*(?:\[[\w,.\s-]*\])?\s*@\s*)?(?:git\+)?(?:https?|ssh)://\S+(?:\s*;.+)?", re.ASCII
)


def requirement(said: str) -> str:
    """One line of requirements as pip spells it: a name with versions, or an address."""
    line = said.strip()
    if line.startswith("-"):
        wrong(f"{line[:80]!r} is an option, not a package", "options go into a file named by `requirements:`")
    if line.startswith((".", "/", "~")) or re.search(r"@\s*(file:|\.)", line):
        wrong(f"{line[:80]!r} is a local package, which is not in this version yet", "publish it to a package index")
    if not line.isprintable() or not (_REQUIREMENT.fullmatch(line) or _ADDRESS.fullmatch(line)):
        wrong(f"{line[:80]!r} is no requirement", "as pandas>=2.2 or my-package @ https://…")
    return line


def r_package(said: str) -> str:
    """A name of a CRAN package."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", said, re.ASCII):
        wrong(f"{said[:80]!r} is no name of a CRAN package", "as tidyverse")
    return said


def apt_package(said: str) -> str:
    """A name of a Debian package, with a version where one is wanted (deb-version(7))."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9+.\-]+(?::[a-z0-9]+)?(?:=[\w.+~:\-]+)?", said, re.ASCII):
        wrong(f"{said[:80]!r} is no name of a Debian package", "as libpq5 or libpq5=17.6-0+deb13u1")
    return said
