"""`devcontainer.json`: the image or build, ports and variables; nothing in it that acts on this machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.declare.standard.shapes import entries, mapping
from workbench.model.forward import MOST, Port
from workbench.text import one_line

TAKEN = frozenset(
    {"image", "build", "dockerFile", "context", "forwardPorts", "portsAttributes", "containerEnv", "name", "$schema"}
)
_LOCAL = re.compile(r"\$\{(?:localEnv|env|containerEnv|localWorkspace|containerWorkspace|devcontainerId)")
_OWN = re.compile(r"^(?:localhost|127\.0\.0\.1):")
# Text in quotes is kept as it is; a comment, or a comma before a closing bracket, goes.
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)


@dataclass
class Devcontainer:
    """What is taken of it. `dockerfile` and `context` are relative to the file; `ignored` names every other key."""

    image: str | None = None
    dockerfile: str | None = None
    context: str | None = None
    args: dict[str, str] = field(default_factory=dict)
    target: str | None = None
    ports: tuple[Port, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def parse(text: str) -> Devcontainer | str:
    """What the file says, or what is wrong with it. It is JSON with comments, as editors write it."""
    plain = _COMMENT.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    plain = _COMMA.sub(lambda found: found[0] if found[0].startswith('"') else "", plain)
    try:
        data = json.loads(plain)
    except (ValueError, RecursionError) as error:
        return f"not JSON with comments: {str(error)[:100]}"
    if not isinstance(data, dict):
        return "expected an object"
    found = Devcontainer(ignored=sorted(str(key) for key in data if key not in TAKEN))
    _build(found, data)
    found.image = _text(data.get("image"))
    if not found.image and not found.dockerfile:
        return "it names neither an image nor a Dockerfile"
    if found.image and found.dockerfile:
        found.image = None
        found.ignored.append("image")
    _ports(found, data.get("forwardPorts"), mapping(data.get("portsAttributes")))
    _variables(found, data.get("containerEnv"), "containerEnv", found.env)
    return found


def _build(found: Devcontainer, data: Mapping[str, Any]) -> None:
    build = mapping(data.get("build"))
    # `dockerFile` and `context` at the top are how it was written before `build` came.
    found.dockerfile = _text(build.get("dockerfile")) or _text(data.get("dockerFile"))
    found.context = _text(build.get("context")) or _text(data.get("context"))
    found.target = _text(build.get("target"))
    _variables(found, build.get("args"), "build.args", found.args)
    known = ("dockerfile", "context", "args", "target")
    found.ignored += [f"build.{key}" for key in build if key not in known]


def _ports(found: Devcontainer, given: Any, attributes: Mapping[str, Any]) -> None:
    """Numbers, and those of this container by another name; `service:port` is another container's."""
    numbers: list[int] = []
    for entry in entries(given):
        said = _OWN.sub("", str(entry)) if isinstance(entry, str | int) and not isinstance(entry, bool) else ""
        if re.fullmatch(r"\d{1,5}", said, re.ASCII) and 0 < int(said) < 65536 and len(numbers) < MOST:
            numbers.append(int(said))
        else:
            found.ignored.append(f"forwardPorts {one_line(str(entry), 40)!r}")
    found.ports = tuple(Port(number, _label(number, attributes)) for number in dict.fromkeys(numbers))


def _label(number: int, attributes: Mapping[str, Any]) -> str:
    """The label of a port: what is said of the number wins over what is said of a range."""
    for key, said in sorted(attributes.items(), key=lambda pair: "-" in pair[0]):
        first, _, last = _OWN.sub("", key).partition("-")
        number_or_range = first.isdecimal() and (not last or last.isdecimal()) and first.isascii() and last.isascii()
        if number_or_range and int(first) <= number <= int(last or first):
            label = mapping(said).get("label")
            if isinstance(label, str) and label.strip():
                return one_line(label, 80)
    return ""


def _variables(found: Devcontainer, given: Any, key: str, into: dict[str, str]) -> None:
    """Values that ask for something of this machine are not taken."""
    for name, value in given.items() if isinstance(given, Mapping) else ():
        usable = isinstance(value, (str, int, float)) and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if usable and not _LOCAL.search(text) and text.isprintable():
            into[name] = text
        else:
            found.ignored.append(f"{key}.{name[:60]}")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value and value.isprintable() else None
