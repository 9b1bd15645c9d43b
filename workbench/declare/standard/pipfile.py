"""`Pipfile` and `Pipfile.lock` of pipenv: packages, those for development too, as repo2docker installs them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.declare.standard.shapes import entries, mapping, texts

_PYPI = re.compile(r"https?://(?:pypi\.org|pypi\.python\.org|files\.pythonhosted\.org)/")
_VERSION = re.compile(r"\d+(?:\.\d+)*", re.ASCII)


@dataclass
class Pipenv:
    """Lines for pip or uv; `local` are folders, relative to the file; `unread` says what could not be taken over."""

    lines: list[str] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    python: str | None = None
    index: str | None = None
    unread: list[str] = field(default_factory=list)


def parse_lock(text: str) -> Pipenv | str:
    """What a `Pipfile.lock` says, or what is wrong with it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {str(error)[:100]}"
    if not isinstance(data, dict):
        return "not a lock file of pipenv"
    meta = mapping(data.get("_meta"))
    found = Pipenv(python=_python(meta.get("requires")), index=_index(meta.get("sources")))
    for section in ("default", "develop"):
        _packages(found, data.get(section))
    return found


def parse(text: str) -> Pipenv | str:
    """What a `Pipfile` says, or what is wrong with it."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return f"not TOML: {str(error)[:100]}"
    found = Pipenv(python=_python(data.get("requires")), index=_index(data.get("source")))
    for section in ("packages", "dev-packages"):
        _packages(found, data.get(section))
    return found


def _packages(found: Pipenv, section: Any) -> None:
    if not isinstance(section, Mapping):
        return
    for name, said in section.items():
        facts = said if isinstance(said, Mapping) else {"version": said}
        extras = texts(facts.get("extras"))
        named = f"{name}[{','.join(extras)}]" if extras else str(name)
        if facts.get("path"):
            found.local.append(f"{facts['path']}[{','.join(extras)}]" if extras else str(facts["path"]))
            continue
        if facts.get("git"):
            line = f"{named} @ git+{facts['git']}{'@' + str(facts['ref']) if facts.get('ref') else ''}"
        elif facts.get("file"):
            line = f"{named} @ {facts['file']}"
        else:
            version = str(facts.get("version") or "*")
            bare = version[:1].isdigit()
            line = named if version == "*" else f"{named}{'==' if bare else ''}{version}"
        if facts.get("markers"):
            line += f" ; {facts['markers']}"
        found.lines.append(line)
        found.unread += [f"`{key}` of {name}" for key in ("sys_platform", "os_name") if key in facts]


def _python(requires: Any) -> str | None:
    if not isinstance(requires, Mapping):
        return None
    for key in ("python_full_version", "python_version"):
        found = _VERSION.match(str(requires.get(key) or ""))
        if found:
            return ".".join(found[0].split(".")[:2])
    return None


def _index(sources: Any) -> str | None:
    """The first source, where it is not PyPI by one of its names."""
    urls = [str(entry.get("url") or "") for entry in entries(sources) if isinstance(entry, Mapping)]
    return urls[0] if urls and urls[0] and not _PYPI.match(urls[0]) else None
