"""JSON Schemas of every kind of declaration, for editors: generated from the keys, kept in `schemas/` and in homes.

python -m workbench.declare.schemas --write      write schemas/ and docs/yaml.md of this checkout
python -m workbench.declare.schemas --check      exit 1 where they are not current
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from workbench.declare.schema import KINDS, Keys

DIALECT = "http://json-schema.org/draft-07/schema#"


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 7) of a kind."""
    model = dict[str, type[Keys]]((str(name), keys) for name, keys in KINDS.items())[kind]
    body = _tidy(model.model_json_schema(by_alias=True))
    for inner in Keys.__subclasses__():
        if inner.SHORT and inner.__name__ in body.get("$defs", {}):
            # A single value may stand for the mapping.
            whole = body["$defs"][inner.__name__]
            body["$defs"][inner.__name__] = {"anyOf": [whole, {"type": inner.SHORT_FORMS}]}
    return {"$schema": DIALECT, **body, "title": f"workbench {kind}"}


def text(kind: str) -> str:
    """The schema as it stands in its file."""
    return json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n"


def install(home: Path) -> None:
    """Put the schemas into `.workbench/schemas` of a home, where its declarations point; current ones are left alone."""
    folder = home / ".workbench" / "schemas"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for kind in KINDS:
        path = folder / f"{kind}.schema.json"
        content = text(kind)
        if path.is_file() and path.read_text(encoding="utf-8") == content:
            continue
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(path)


def generated(root: Path) -> dict[Path, str]:
    """What this module and the reference write below `root`, by file."""
    from workbench.declare.reference import page

    files = {root / "schemas" / f"{kind}.schema.json": text(kind) for kind in KINDS}
    return {**files, root / "docs" / "yaml.md": page()}


def stale(root: Path) -> list[Path]:
    """Generated files below `root` that are missing or not current."""
    return [
        path
        for path, content in generated(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]


def _tidy(node: Any) -> Any:
    """Without pydantic's own titles and its null defaults."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if "properties" in node:
        tidy["properties"] = {key: _tidy(value) for key, value in node["properties"].items()}
    if tidy.get("default", ...) is None:
        del tidy["default"]
    return tidy


def main(arguments: list[str]) -> int:
    """Write or check; the exit code."""
    root = Path(__file__).resolve().parents[2]
    if arguments == ["--write"]:
        for path, content in generated(root).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return 0
    if arguments == ["--check"]:
        old = stale(root)
        for path in old:
            sys.stderr.write(f"{path.relative_to(root)} is not current: python -m workbench.declare.schemas --write\n")
        return 1 if old else 0
    sys.stderr.write("usage: python -m workbench.declare.schemas --check|--write\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
