"""Parity with papermill: the same notebook by its command line and by our runner, compared whole."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attempts import Desk, science
from parity import NAMES, NOTEBOOKS, by_command, compare, parameters_of
from waiting import until

from workbench.execution.nursery import Nursery
from workbench.model.run import RunState
from workbench.paths import open_home


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for this module, with a kernel specification of the environment for papermill's command."""
    folder = tmp_path_factory.mktemp("parity")
    revision = science(tmp_path_factory)
    python = Path(revision.reference) / "bin" / "python"
    spec = folder / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python"}))
    return folder


@pytest.fixture(scope="module")
def theirs(folder: Path) -> dict[str, Future[dict[str, Any]]]:
    """What papermill's command writes for each notebook, two at a time while our own runs go on."""
    pool = ThreadPoolExecutor(2)
    found = {
        name: pool.submit(by_command, NOTEBOOKS / f"{name}.ipynb", folder / "theirs" / name, folder / "jupyter")
        for name in NAMES
    }
    pool.shutdown(wait=False)
    return found


@pytest.fixture(scope="module")
def ours(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, dict[str, Any]]]:
    """What our runners leave for each notebook: result and output, forked by one nursery."""
    return every(Desk(open_home(folder / "home"), science(tmp_path_factory), folder / "ours"))


@pytest.fixture(scope="module")
def warm(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, dict[str, Any]]]:
    """The same with kernels from a zygote that has loaded what the notebooks import."""
    desk = Desk(open_home(folder / "warm-home"), science(tmp_path_factory), folder / "warm")
    with desk.zygote(PRELOAD):
        return every(desk)


def every(desk: Desk) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Result and output of each notebook."""
    nursery = Nursery(desk.home)
    found = {}
    for name in NAMES:
        place = desk.project / name
        place.mkdir(parents=True)
        desk.project, before = place, desk.project
        attempt = desk.write((NOTEBOOKS / f"{name}.ipynb").read_bytes(), parameters=parameters_of(name))
        desk.project = before
        nursery.run(attempt.folder)
        result = attempt.result(60)
        assert [event["warm"] for event in attempt.events("kernel")] == [bool(desk.preload)]
        found[name] = (result, attempt.output())
    process = nursery.process
    nursery.close()
    assert process
    until(lambda: process.poll() is not None, "the nursery to end")
    return found


def test_the_spread_is_wide() -> None:
    """Every kind of notebook that is spoken of has its file."""
    assert {
        "rich_outputs",
        "plots",
        "widgets",
        "allowed_errors",
        "magics",
        "asyncio_cells",
        "many_cells",
        "unicode",
        "no_parameters",
    } <= set(NAMES)


PRELOAD = ("numpy", "pandas", "matplotlib.pyplot")


@pytest.mark.parametrize("name", NAMES)
def test_same_output_with_warm_kernels(
    name: str, theirs: dict[str, Future[dict[str, Any]]], warm: dict[str, tuple[Any, dict[str, Any]]]
) -> None:
    """A kernel that was forked from one which had all of it loaded writes what papermill's command line writes."""
    result, output = warm[name]
    assert result.state is RunState.SUCCEEDED, result.reason
    compare(name, output, theirs[name].result())


@pytest.mark.parametrize("name", NAMES)
def test_same_output_as_papermill(
    name: str, theirs: dict[str, Future[dict[str, Any]]], ours: dict[str, tuple[Any, dict[str, Any]]]
) -> None:
    """Sources, outputs, metadata and the injected cell equal what papermill's command line writes."""
    result, output = ours[name]
    assert result.state is RunState.SUCCEEDED, result.reason
    compare(name, output, theirs[name].result())
