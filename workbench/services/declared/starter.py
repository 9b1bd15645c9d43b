"""What a new project holds: a small notebook with parameters, or a copy of a shipped example."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from workbench.errors import NotFound
from workbench.paths import shipped

IGNORED = "runs/\n.ipynb_checkpoints/\n"
_NOTE = """\
environment: python                # a name, or ./environment.yaml; absent: requirements.txt, environment.yml …
data: [/warehouse/sales]           # folders from outside, seen as data/sales, read-only
"""
_LEFT_OUT = ("runs", ".ipynb_checkpoints", "__pycache__", ".git")


def examples() -> list[str]:
    """Names of the shipped example projects."""
    return sorted(path.name for path in shipped("projects").iterdir() if path.is_dir())


def fill(
    folder: Path, final: Path, home: Path, *, example: str | None, environment: str | None, description: str
) -> None:
    """Fill the new, empty `folder`, which will be moved to `final`. Raises `NotFound` for an unknown example."""
    if example is None:
        _plain(folder, final, home, environment, description)
    else:
        _copy(folder, final, home, example)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORED, encoding="utf-8")


def _plain(folder: Path, final: Path, home: Path, environment: str | None, description: str) -> None:
    from workbench.declare import writer

    for name in ("notebooks", "data", "schedules"):
        (folder / name).mkdir()
    data = {"description": description} | ({"environment": environment} if environment else {})
    writer.create(folder / "project.yaml", "project", data, home=home, note=_NOTE)
    notebook = json.dumps(_notebook(final.name), indent=1, ensure_ascii=False) + "\n"
    (folder / "notebooks" / "start.ipynb").write_text(notebook, encoding="utf-8")


def _copy(folder: Path, final: Path, home: Path, example: str) -> None:
    known = examples()
    if example not in known:
        raise NotFound("example project", example, known)
    shutil.copytree(
        shipped("projects") / example, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    from workbench.declare import schemas, writer

    schemas.install(home)
    declarations: list[tuple[Path, writer.Kind]] = [(folder / "project.yaml", "project")]
    declarations += [(path, "schedule") for path in sorted((folder / "schedules").glob("*.yaml"))]
    for path, kind in declarations:
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            place = final / path.relative_to(folder)
            path.write_text(writer.with_schema_line(text, place, kind, home), encoding="utf-8")


def _notebook(name: str) -> dict[str, Any]:
    """nbformat 4.5, needing nothing but Python."""
    cells = [
        _cell(
            "markdown", "about", f"# {name}\n\nThe cell tagged `parameters` holds what a run or a schedule may change."
        ),
        _cell("code", "parameters", "days = 30\nseed = 1", tags=["parameters"]),
        _cell(
            "code",
            "walk",
            "import random\n\nrandom.seed(seed)\nlevels = [100.0]\nfor _ in range(days):\n"
            "    levels.append(levels[-1] + random.gauss(0, 1))",
        ),
        _cell(
            "code",
            "summary",
            'print(f"after {days} days: {levels[-1]:.1f}, between {min(levels):.1f} and {max(levels):.1f}")',
        ),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _cell(kind: str, name: str, source: str, tags: list[str] | None = None) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {"tags": tags} if tags else {}}
    cell["source"] = source.splitlines(keepends=True)
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
