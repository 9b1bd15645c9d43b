"""Names of packages, and of where they come from, as declarations may write them."""

from __future__ import annotations

import keyword
import re
from datetime import date

from workbench.declare.scalars import url, wrong

# Posit's public package manager keeps CRAN as it was on each day since then.
DATED_CRAN = "https://packagemanager.posit.co/cran"
FIRST_DAY = date(2017, 10, 10)

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
        wrong(f"{line[:80]!r} is a local package", "name its folder or archive in `local:` of `python:`")
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


def conda_package(said: str) -> str:
    """A package as conda spells it: a name with a channel before it and a version behind, where they are wanted."""
    if not re.fullmatch(r"(?:[\w.-]+::)?[a-z0-9_][\w.-]*\s*(?:[=<>!~][\w.*=<>!,|~\s+-]*)?", said, re.ASCII):
        wrong(f"{said[:80]!r} is no conda package", "as gdal, gdal>=3.8 or conda-forge::gdal")
    return said.strip()


def channel(said: str) -> str:
    """A conda channel: its name or address."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)*|(?:https?|file)://[^\s]+", said, re.ASCII):
        wrong(f"{said[:80]!r} is no conda channel", "as conda-forge or https://conda.acme.example/main")
    return said


def module(said: str) -> str:
    """A Python module by the name it is imported by."""
    parts = said.split(".")
    if not all(part.isidentifier() and part.isascii() and not keyword.iskeyword(part) for part in parts):
        wrong(f"{said[:80]!r} is no name of a Python module", "as it stands behind import: numpy, matplotlib.pyplot")
    return said


def kernel(said: str) -> str:
    """A name of a Jupyter kernel, as its folder is called."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", said, re.ASCII):
        wrong(f"{said[:80]!r} is no name of a kernel", "as python3 or ir")
    return said


def repository(said: str) -> str:
    """The address of a CRAN repository; a day stands for CRAN as it was then."""
    if re.match(r"\d{4}-\d", said, re.ASCII):
        try:
            day = date.fromisoformat(said)
        except ValueError:
            wrong(f"{said[:80]!r} is no day", "as 2026-03-01")
        if day < FIRST_DAY:
            wrong(f"CRAN of {said} is not kept", f"days from {FIRST_DAY} on can be had")
        return f"{DATED_CRAN}/{said}"
    return url(said)


def image(said: str) -> str:
    """A name of an image, with a tag or digest where one is wanted."""
    if not re.fullmatch(
        r"[a-zA-Z0-9][\w.\-]*(:\d+)?(/[\w.\-]+)*(:[\w.\-]{1,128})?(@sha256:[0-9a-f]{64})?", said, re.ASCII
    ):
        wrong(f"{said!r} is no name of an image", "as rocker/tidyverse:4.5.2")
    name = said.partition("@")[0]
    path = name.partition("/")[2] if "/" in name and re.search(r"[.:]|^localhost", name.split("/")[0]) else name
    if re.sub(r":[^/:]*$", "", path) != re.sub(r":[^/:]*$", "", path).lower():
        wrong(f"{said!r} is no name of an image", "names of images are lower-case")
    return said
