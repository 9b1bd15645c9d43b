"""What papermill's command line writes, and comparing it with what a run of ours left.

Left aside is only what differs between two runs of papermill itself: ids, times, paths, memory addresses, and where a
stream of text was cut into messages.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from workbench.notebooks.parameters import gather

NOTEBOOKS = Path(__file__).parent / "e2e" / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
# Values as given to both: -p and -r pairs, and a -y text with the mapping it means.
VALUES: dict[str, dict[str, Any]] = {
    "typed_parameters": {
        "p": [("number", "007"), ("share", "inf"), ("flag", "True"), ("nothing", "None"), ("like", "nan")],
        "r": [("raw", "007")],
        "y": [
            {"text": 'quote " backslash \\ newline \n é', "items": [1, -2.5, None, "x"], "table": {"a": {"b": [True]}}}
        ],
    },
    "unicode": {"p": [("stadt", "Orléans"), ("text", "naïve 名 🙂 'quoted' \"twice\"")]},
    "no_parameters": {"p": [("n", "5")]},
    "many_cells": {"p": [("start", "1000")]},
    "old_format": {"y": [{"a": 41}]},
}
COMMAND = Path(__file__).with_name("patient_papermill.py")
TRIES, PATIENCE = 3, 60  # of papermill's command; seconds it is given
STATE = "application/vnd.jupyter.widget-state+json"
ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
BANNER = "papermill-error-cell-tag"
# Papermill fails a run for any error, also one that a tag allows, and puts its banner on top. Ours does not.
FAILS_THERE = {"allowed_errors"}


def parameters_of(name: str) -> Mapping[str, Any]:
    """The values given to a notebook of the spread, as our command line reads them."""
    given = VALUES.get(name, {})
    return gather(yaml_mappings=given.get("y", ()), values=given.get("p", ()), raw=given.get("r", ()))


def by_command(notebook: Path, place: Path, jupyter: Path) -> dict[str, Any]:
    """Run a notebook by papermill's command in the new folder `place`, with the kernels below `jupyter`; what it wrote."""
    place.mkdir(parents=True)
    shutil.copy(notebook, place)
    name = notebook.stem
    given = VALUES.get(name, {})
    arguments = [part for key, value in given.get("p", ()) for part in ("-p", key, value)]
    arguments += [part for key, value in given.get("r", ()) for part in ("-r", key, value)]
    arguments += [part for mapping in given.get("y", ()) for part in ("-y", json.dumps(mapping))]
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "JUPYTER", "MPL"))}
    command = [sys.executable, str(COMMAND), "--no-progress-bar", *arguments, notebook.name, "out.ipynb"]
    for _ in range(TRIES):
        code = patiently(command, place, {**env, "JUPYTER_PATH": str(jupyter)})
        if code is not None and (name not in FAILS_THERE or all_ran(place)):
            break
    assert code is not None, "papermill's command did not end"
    assert (code != 0) == (name in FAILS_THERE), (place / "log.txt").read_text()
    written: dict[str, Any] = json.loads((place / "out.ipynb").read_text())
    return written


def all_ran(place: Path) -> bool:
    """Whether all cells of what papermill's command wrote have run: where it always fails, it may have failed otherwise."""
    written = place / "out.ipynb"
    cells = json.loads(written.read_text())["cells"] if written.exists() else [{}]
    return all(cell.get("execution_count") for cell in cells if cell.get("cell_type") != "markdown")


def patiently(command: list[str], place: Path, env: dict[str, str]) -> int | None:
    """The exit code of a command; None where it did not end in time: it and its kernel are then ended."""
    with (
        (place / "log.txt").open("wb") as log,
        subprocess.Popen(command, cwd=place, env=env, stdout=log, stderr=log) as done,
    ):
        try:
            return done.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for process in (*psutil.Process(done.pid).children(recursive=True), done):
                process.kill()
            return None


class Plain:
    """A notebook without what differs between any two runs."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def notebook(self, content: dict[str, Any]) -> dict[str, Any]:
        """The whole of it, in a form that can be compared."""
        cells = [self.cell(cell) for cell in content["cells"] if BANNER not in cell["metadata"].get("tags", ())]
        metadata = json.loads(json.dumps(content["metadata"]))
        for key in ("start_time", "end_time", "duration", "input_path", "output_path"):
            metadata["papermill"].pop(key)
        self.name_widgets(metadata.get("widgets", {}).get(STATE, {}).get("state", {}))
        return {**content, "cells": cells, "metadata": self.walk(metadata)}

    def name_widgets(self, state: dict[str, Any]) -> None:
        """Name widgets in the order in which outputs, and then widgets named before, speak of them."""
        named: list[str] = []
        while left := [key for key in state if key not in named]:
            known = [key for key in self.ids if key in left]
            following = known[0] if known else min(left, key=lambda key: ID.sub("", json.dumps(state[key])))
            named.append(following)
            self.walk(following)
            self.walk(state[following])

    def cell(self, cell: dict[str, Any]) -> dict[str, Any]:
        """A cell without its id and times; its times have to be there all the same."""
        plain = json.loads(json.dumps(cell))
        plain.pop("id")
        told = plain["metadata"]["papermill"]
        assert all(key in told for key in ("start_time", "end_time", "duration"))
        for key in ("start_time", "end_time", "duration"):
            told[key] = told[key] is not None
        if "execution" in plain["metadata"]:
            plain["metadata"]["execution"] = sorted(plain["metadata"]["execution"])
        if "outputs" in plain:
            plain["outputs"] = self.walk(joined(plain["outputs"]))
        return {key: self.walk(value) if key == "metadata" else value for key, value in plain.items()}

    def walk(self, value: Any) -> Any:
        """Addresses, process numbers and the ids of widgets replaced by words that are the same in both."""
        if isinstance(value, str):
            value = re.sub(r"0x[0-9a-f]{6,}", "0x…", value)
            value = re.sub(r"ipykernel_\d+/\d+", "ipykernel_…", value)
            return ID.sub(lambda match: self.ids.setdefault(match[0], f"id-{len(self.ids)}"), value)
        if isinstance(value, list):
            return [self.walk(one) for one in value]
        if isinstance(value, dict):
            return {self.walk(key): self.walk(one) for key, one in value.items()}
        return value


def joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Outputs with text that follows text of the same stream put together: cuts depend on time."""
    result: list[dict[str, Any]] = []
    for output in outputs:
        last = result[-1] if result else {}
        if output["output_type"] == last.get("output_type") == "stream" and output["name"] == last["name"]:
            last["text"] = "".join(last["text"]) + "".join(output["text"])
        else:
            result.append(dict(output))
    for output in result:
        if output["output_type"] == "stream":
            output["text"] = "".join(output["text"])
    return result


def compare(name: str, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Fail where an output of ours is not what papermill wrote of the same notebook: sources, outputs, metadata."""
    mine, papermills = Plain().notebook(ours), Plain().notebook(theirs)
    if name in FAILS_THERE:
        assert mine["metadata"]["papermill"].pop("exception") is None
        papermills["metadata"]["papermill"].pop("exception")
    assert [cell["source"] for cell in mine["cells"]] == [cell["source"] for cell in papermills["cells"]]
    for number, (one, other) in enumerate(zip(mine["cells"], papermills["cells"], strict=True), 1):
        assert one == other, f"cell {number}"
    assert mine == papermills
