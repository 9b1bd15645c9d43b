"""What an image starts from, and which declarations an image can be made of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workbench.errors import Refused
from workbench.model import dockerfile
from workbench.model.environment import EnvironmentSpec
from workbench.text import one_line

DEBIAN = "debian:trixie-slim"
DEBIAN_PYTHON = "3.13"
DEBIAN_R = "4.5"
MICROMAMBA = "mambaorg/micromamba:2.3.3"  # has the program that makes conda environments

_IMAGE = re.compile(r"[a-z0-9][\w.\-/:@]*", re.ASCII)
_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.\-]+(?:[:=/][\w.+~:\-]+)?", re.ASCII)
_R_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9.]*", re.ASCII)
_VERSION = re.compile(r"\d+(?:\.\d+){0,2}", re.ASCII)
_LOCAL_REQUIREMENT = re.compile(
    r"\s*(?:-[erc]\b|--(?:editable|requirement|constraint)\b|\.{0,2}/|\S+\s*@\s*(?:file:|\.))"
)


def base_image(spec: EnvironmentSpec) -> str:
    """What the image of `spec` starts from, by its public name; with its digest where a lock has that."""
    declared = _declared(spec)
    locked = spec.locked.base if spec.locked else ""
    return locked if locked.partition("@")[0] == declared.partition("@")[0] else declared


def _declared(spec: EnvironmentSpec) -> str:
    if spec.image:
        return spec.image
    if spec.conda:
        return DEBIAN
    if spec.r and not _is_debian(spec.r.version, DEBIAN_R):
        return f"rocker/r-ver:{spec.r.version}"
    if spec.python and not _is_debian(spec.python.version, DEBIAN_PYTHON):
        return f"python:{spec.python.version}-slim-trixie"
    return DEBIAN


def images(spec: EnvironmentSpec) -> tuple[str, ...]:
    """All images that a build takes, by their public names; what it starts from is the first."""
    if spec.dockerfile:
        text = spec.dockerfile.file.path.read_text(encoding="utf-8", errors="replace")
        return tuple(dockerfile.images(text, spec.dockerfile.args))
    return (base_image(spec), *([MICROMAMBA] if spec.conda else []))


def _is_debian(version: str | None, debian: str | None) -> bool:
    return version is None or version == debian


def check(spec: EnvironmentSpec) -> None:
    """Raise `Refused` where no image can be made of `spec`."""
    title = f"environment {spec.name}"
    if spec.use:
        raise Refused(
            "`use:` names a Python of this machine, which a container does not have",
            title=title,
            hint="Set `engine: process`, or declare `python:` with its packages.",
        )
    python, r = spec.python, spec.r
    _all_match(title, "image", _IMAGE, [spec.image] if spec.image else [])
    _all_match(title, "apt package", _DEBIAN_PACKAGE, spec.apt)
    _all_match(title, "R package", _R_PACKAGE, r.packages if r else ())
    _all_match(title, "Python version", _VERSION, [python.version] if python and python.version else [])
    _all_match(title, "R version", _VERSION, [r.version] if r and r.version else [])
    for line in python.packages if python else ():
        if "\n" in line or _LOCAL_REQUIREMENT.match(line):
            raise Refused(
                f"the requirement {one_line(line)!r} is a file of this machine, which a build does not see",
                title=title,
                hint="Publish it to a package index, or set `engine: process`.",
            )
    if spec.image and ((python and python.version) or (r and r.version)):
        raise Refused(
            "a ready image brings its own Python and R: no version can be asked for",
            title=title,
            hint="Remove `version:`, or remove `image:`.",
        )
    if r and not _is_debian(r.version, DEBIAN_R) and python and not _is_debian(python.version, None):
        raise Refused(
            f"R {r.version} with Python {python.version} is in no base image",
            title=title,
            hint=f"R {DEBIAN_R} goes with every Python; else remove the Python version, or name a ready `image:`.",
        )


def _all_match(title: str, kind: str, pattern: re.Pattern[str], values: Sequence[str]) -> None:
    for value in values:
        if not pattern.fullmatch(value):
            raise Refused(f"{one_line(value)!r} cannot be the name of a {kind}".replace("a apt", "an apt"), title=title)
