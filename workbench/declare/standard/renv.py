"""`renv.lock`: the R it was made with, its packages, and where they came from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from workbench.declare.standard.shapes import entries, mapping


@dataclass(frozen=True)
class RenvLock:
    """`packages` as `name==version`; `sources` are those that come from elsewhere than a repository."""

    r_version: str | None
    packages: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


def parse(text: str) -> RenvLock | str:
    """What the file says, or what is wrong with it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {str(error)[:100]}"
    if not isinstance(data, dict) or not isinstance(data.get("Packages"), dict):
        return "not a lock file of renv: it has no `Packages`"
    r = mapping(data.get("R"))
    version = str(r.get("Version") or "")
    found, elsewhere = [], []
    for name, facts in data["Packages"].items():
        if not isinstance(facts, dict) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9.]*", name, re.ASCII):
            return f"{name[:60]!r} is no R package"
        found.append(f"{name}=={facts.get('Version', '?')}")
        if facts.get("Source", "Repository") not in ("Repository", "CRAN", "Bioconductor"):
            elsewhere.append(f"{name} ({facts.get('Source')})")
    return RenvLock(
        version if re.fullmatch(r"\d+(\.\d+){1,2}", version, re.ASCII) else None,
        tuple(found),
        tuple(_urls(r.get("Repositories"))),
        tuple(elsewhere),
    )


def _urls(given: Any) -> list[str]:
    return [str(entry["URL"]) for entry in entries(given) if isinstance(entry, dict) and entry.get("URL")]
