"""`DESCRIPTION` of an R package: its name, and the packages it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Come with R itself, in no repository.
BASE = frozenset(
    "R base compiler datasets graphics grDevices grid methods parallel splines stats stats4 tcltk tools utils".split()  # noqa: SIM905
)
NEEDED = ("Depends", "Imports", "LinkingTo")


@dataclass(frozen=True)
class Description:
    """An R package. `remotes` are the packages that it takes from elsewhere than CRAN."""

    package: str
    needs: tuple[str, ...] = ()
    remotes: tuple[str, ...] = ()


def parse(text: str) -> Description | None:
    """What the file says; None where it describes no R package."""
    fields = _fields(text)
    name = fields.get("Package", "")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", name, re.ASCII):
        return None
    needs = [word for field in NEEDED for word in _names(fields.get(field, ""))]
    remotes = [word.strip() for word in fields.get("Remotes", "").split(",") if word.strip()]
    return Description(name, tuple(dict.fromkeys(word for word in needs if word not in BASE)), tuple(remotes))


def _fields(text: str) -> dict[str, str]:
    """The fields of a Debian control file; lines that begin with a space go on."""
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            if name:
                fields[name] += " " + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def _names(said: str) -> list[str]:
    """Names of packages out of `dplyr (>= 1.0), tidyr`."""
    words = (re.sub(r"\(.*?\)", "", part).strip() for part in said.split(","))
    return [word for word in words if re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", word, re.ASCII)]
