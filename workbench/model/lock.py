"""A lock: exactly what an environment was, so that a build of it repeats; and what an update would change."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

FORM = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
R_LINE = re.compile(
    r"([A-Za-z][A-Za-z0-9.]*)==(\d+(?:[.-]\d+)*)(?: --hash=(?:md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}))?", re.ASCII
)


def canonical(name: str) -> str:
    """A Python package's name as all spellings of it are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(line: str) -> str:
    """The package that a requirement line is about; empty where that cannot be told."""
    found = _NAME.match(line.strip())
    return canonical(found[0]) if found else ""


@dataclass(frozen=True)
class Lock:
    """What is pinned.

    `base` is the image by its digest, empty for a venv; `python` are requirement lines with hashes
    (`six==1.17.0 --hash=sha256:…`), `debian` packages as `name=version` that came on top of the base, on the day of
    `snapshot`; `r` those of R that are not Debian's, with a checksum (`dplyr==1.1.4 --hash=md5:…`).
    """

    engine: str
    platform: str
    base: str = ""
    python_version: str = ""
    python: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    snapshot: str = ""
    r: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Tells two locks apart."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def pins(self) -> dict[str, str]:
        """`name==version` of each Python package, by its name."""
        return {name_of(line): line.split()[0] for line in self.python}

    @property
    def debian_names(self) -> frozenset[str]:
        """Names of its Debian packages."""
        return frozenset(line.partition("=")[0] for line in self.debian)

    @property
    def r_versions(self) -> dict[str, str]:
        """Versions of its R packages by their names."""
        return r_versions(self.r)

    @property
    def r_names(self) -> frozenset[str]:
        """Names of its R packages."""
        return frozenset(self.r_versions)

    def lacks(self, lines: Iterable[str]) -> list[str]:
        """Requirement lines for packages that are not in it."""
        return [line for line in lines if name_of(line) not in self.pins]

    def agrees(self, packages: Iterable[str]) -> bool:
        """Whether packages of an image are of its versions: Python's as `name==version`, R's, all of them, as `R:name==version`."""
        packages = tuple(packages)
        versions = {name: pin.partition("==")[2] for name, pin in self.pins.items()}
        pairs = ((name_of(line), line.partition("==")[2]) for line in packages if ":" not in line)
        r = {f"R:{name}=={version}" for name, version in self.r_versions.items()}
        return r <= {*packages} and all(versions.get(name, version) == version for name, version in pairs)

    def to_json(self) -> str:
        """As the file has it: a line for each package, so that differences can be read."""
        return json.dumps({"form": FORM, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Lock:
        """The reverse of `to_json`. Raises `ValueError` with a reason for anything else."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.pop("form", None) != FORM:
            raise ValueError(f"it is not of form {FORM}")
        values: dict[str, Any] = {key: _value(key, value) for key, value in data.items() if _known(key, cls)}
        if not isinstance(values.get("engine"), str) or not isinstance(values.get("platform"), str):
            raise ValueError("it names no engine and platform")  # noqa: TRY004 - of the file, not of a caller
        if wrong := [line for line in values.get("r", ()) if not R_LINE.fullmatch(line)]:
            raise ValueError(f"{wrong[0][:80]!r} is no R package with its version")
        return cls(**values)


@dataclass(frozen=True)
class Change:
    """A package that an update would change; `available` is empty where it would go, `installed` where it would come."""

    kind: str  # python, debian, r or image
    name: str
    installed: str
    available: str


def r_versions(lines: Iterable[str]) -> dict[str, str]:
    """Versions of R packages by their names, out of `name==version` with or without a checksum."""
    return {found[1]: found[2] for found in map(R_LINE.fullmatch, lines) if found}


def _known(key: str, lock: type[Lock]) -> bool:
    if key not in lock.__dataclass_fields__:
        raise ValueError(f"it has a key {key!r} that is not known")
    return True


def _value(key: str, value: Any) -> str | tuple[str, ...]:
    if isinstance(value, str):
        return _line(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(_line(one) for one in value)
    raise ValueError(f"{key} is neither a text nor a list of texts")


def _line(text: str) -> str:
    if any(ord(sign) < ord(" ") or ord(sign) == 127 for sign in text):
        raise ValueError("it has control characters")
    return text


def changes(kind: str, installed: Mapping[str, str], available: Mapping[str, str]) -> list[Change]:
    """What differs between two sets of versions by name."""
    names = sorted({*installed, *available}, key=str.lower)
    pairs = [(name, installed.get(name, ""), available.get(name, "")) for name in names]
    return [Change(kind, name, old, new) for name, old, new in pairs if old != new]
