"""Asking for a run: checked before anything is written, one row and one frozen copy afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import Conflict, NotFound, Refused
from workbench.model.run import Request, RunState
from workbench.services import environments, groups, projects, runs
from workbench.services.asking import requests
from workbench.services.bench import Bench, open_bench
from workbench.services.supervision import control
from workbench.store import runs as rows

NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Report"},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {"tags": ["parameters"]},
            "source": "rate: float = 0.5\nname = 'x'",
            "outputs": [],
            "execution_count": None,
        },
        {"cell_type": "code", "id": "c", "metadata": {}, "source": "rate", "outputs": [], "execution_count": None},
    ],
    "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home with a project and one notebook; asking starts no supervisor here."""
    monkeypatch.setattr(control, "ensure", lambda _: None)
    opened = open_bench(tmp_path / "home")
    project = projects.create(opened, "churn")
    (project.path / "notebooks" / "report.ipynb").write_text(json.dumps(NOTEBOOK))
    yield opened
    opened.close()


def ask(**more: object) -> Request:
    """A request for the notebook."""
    return Request("churn", "notebooks/report.ipynb", **more)  # type: ignore[arg-type]


def test_asking_is_a_queued_row_and_a_frozen_copy(bench: Bench) -> None:
    """The row holds what was asked and by whom; the copy is the notebook to the byte."""
    number = runs.submit(bench, ask(parameters={"rate": 0.7}, timeout=60.0))
    run = runs.get(bench, number)
    assert (run.state, run.parameters, run.timeout, run.cells) == (RunState.QUEUED, {"rate": 0.7}, 60.0, 2)
    assert (run.name, run.environment, run.origin, run.by) == ("report", "python", "cli", bench.actor.by)
    frozen = bench.home.run_folder(number) / "input.ipynb"
    assert frozen.read_bytes() == (bench.home.projects / "churn/notebooks/report.ipynb").read_bytes()
    with bench.store.read() as connection:
        assert len(rows.record(connection, number)["notebook_sha256"]) == 64


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (ask(parameters={"rte": 1}), "rate"),
        (ask(parameters={"rate": "fast"}), "rate"),
        (ask(parameters={"class": 1}), "class"),
        (ask(environment="pyhton"), "python"),
        (Request("churn", "../../workbench.yaml"), "outside"),
        (Request("churn", "notebooks/gone.ipynb"), "gone"),
        (Request("churm", "notebooks/report.ipynb"), "churn"),
    ],
)
def test_what_cannot_run_is_refused_and_queues_nothing(bench: Bench, request_: Request, words: str) -> None:
    """Each refusal names what is wrong or what there is, and leaves no row and no file."""
    with pytest.raises((Refused, NotFound)) as caught:
        runs.submit(bench, request_)
    assert words in str(caught.value)
    assert runs.page(bench) == []
    assert not (bench.home.state / "runs").exists()


def test_an_engine_named_for_one_command_is_asked_of_the_build(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """WORKBENCH_ENGINE holds for what this command needs built, and for nothing that was not asked by it."""
    runs.submit(bench, ask())
    assert environments.builds(bench) == []
    monkeypatch.setenv("WORKBENCH_ENGINE", "process")
    runs.submit(bench, ask())
    (build,) = environments.builds(bench)
    assert (build.environment, build.engine) == ("python", "process")
    monkeypatch.setenv("WORKBENCH_ENGINE", "podman")
    with pytest.raises(Refused, match="podman"):
        runs.submit(bench, ask())


def test_a_file_that_is_no_notebook_is_named(bench: Bench) -> None:
    """Not a notebook: said before queueing."""
    (bench.home.projects / "churn/notebooks/report.ipynb").write_text("<html>")
    with pytest.raises(Refused, match="notebook"):
        runs.submit(bench, ask())


@pytest.mark.parametrize("path", ["loop.ipynb", "notebooks/a\0b.ipynb", f"{'x' * 5000}.ipynb"])
def test_a_path_that_leads_nowhere_is_refused(bench: Bench, path: str) -> None:
    """A link to itself, a NUL, a name that no file can have: told as such, by every verb that takes a notebook."""
    (bench.home.projects / "churn" / "loop.ipynb").symlink_to("loop.ipynb")
    for act in (
        lambda: runs.submit(bench, Request("churn", path)),
        lambda: requests.parameters_of(bench, "churn", path),
    ):
        with pytest.raises((Refused, NotFound)):
            act()


def test_again_asks_for_the_same(bench: Bench) -> None:
    """The same notebook, parameters and limits, as a new run."""
    first = runs.submit(bench, ask(parameters={"rate": 0.7}, retries=2))
    second = runs.get(bench, runs.again(bench, first))
    assert second.id != first
    assert (second.parameters, second.retries, second.name) == ({"rate": 0.7}, 2, "report")


def test_again_takes_only_the_old_names_on_trust(bench: Bench) -> None:
    """What the old run was given may be unknown to the notebook; a new name with a slip is refused as ever."""
    first = runs.submit(bench, ask(parameters={"rate": 0.7, "extra": 1}, allow_unknown_parameters=True))
    second = runs.get(bench, runs.again(bench, first, {"rate": 0.8, "extra": 2}))
    assert second.parameters == {"rate": 0.8, "extra": 2}
    with pytest.raises(Refused, match="typo: the notebook has no such parameter"):
        runs.again(bench, first, {"rate": 0.7, "extra": 1, "typo": 3})
    third = runs.get(bench, runs.again(bench, first, {"typo": 3}, allow_unknown=True))
    assert third.parameters == {"typo": 3}


def test_cancelling_twice_is_asked_once(bench: Bench) -> None:
    """The second wish changes nothing."""
    number = runs.submit(bench, ask())
    assert runs.cancel(bench, number)
    assert not runs.cancel(bench, number)
    assert runs.get(bench, number).cancel_asked


def test_a_living_run_is_not_removed(bench: Bench) -> None:
    """Removing asks for an end first."""
    number = runs.submit(bench, ask())
    with pytest.raises(Conflict, match="queued"):
        runs.remove(bench, number)


def test_progress_is_read_by_offset(bench: Bench) -> None:
    """Whole lines only, each once, and none that a full disk cut; a new attempt starts anew."""
    number = runs.submit(bench, ask())
    folder = bench.home.attempt_folder(number, 0)
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(b'{"kind": "started"}\n{"kind": "cel')
    events, mark = runs.tail(bench, number)
    assert [event["kind"] for event in events] == ["started"]
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'l"}\n{"kind": "outp\n\n')
    events, mark = runs.tail(bench, number, mark)
    assert [event["kind"] for event in events] == ["cell"]
    assert runs.tail(bench, number, mark)[0] == []


def test_an_r_notebook_needs_an_environment_with_r(bench: Bench) -> None:
    """Asked for where there is no R, it is refused before it is queued, and an environment that has R is named."""
    folder = projects.get(bench, "churn").path / "notebooks"
    kernel = {"name": "ir", "display_name": "R", "language": "R"}
    (folder / "ozone.ipynb").write_text(json.dumps({**NOTEBOOK, "metadata": {"kernelspec": kernel}}))
    with pytest.raises(Refused, match="in R, which environment python does not have") as caught:
        runs.submit(bench, Request("churn", "notebooks/ozone.ipynb"))
    assert "--environment r" in caught.value.hint
    assert runs.page(bench) == []
    assert runs.submit(bench, Request("churn", "notebooks/ozone.ipynb", environment="r"))


def test_a_name_can_stand_in_a_folders_name(bench: Bench) -> None:
    """What a folder's name cannot hold becomes a hyphen: runs are published in a folder named after them."""
    assert runs.get(bench, runs.submit(bench, ask(name="Nightly report/é"))).name == "Nightly-report"


def test_an_unknown_run_says_where_to_look(bench: Bench) -> None:
    """NotFound with a command."""
    with pytest.raises(NotFound, match="no run"):
        runs.get(bench, 999)


def test_only_what_failed_of_a_group_is_asked_for_again(bench: Bench) -> None:
    """A new group of the combinations that did not succeed; while some go on, and where none failed, it is refused."""
    first = runs.submit(bench, ask(sweep={"rate": [0.1, 0.2, 0.3]}))
    group = runs.get(bench, first).group
    assert group
    with pytest.raises(Conflict, match="3 runs of g1 have not ended"):
        groups.again(bench, group, failed=True)
    states = [RunState.SUCCEEDED, RunState.FAILED, RunState.CRASHED]
    with bench.store.write() as connection:
        for run, state in zip(groups.members(bench, group), states, strict=True):
            connection.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run.id))
    made, count = groups.again(bench, group, failed=True)
    assert count == 2
    assert [run.parameters["rate"] for run in groups.members(bench, made)] == [0.2, 0.3]
    assert groups.get(bench, made).names == ("rate",)
    with bench.store.write() as connection:
        connection.execute("UPDATE runs SET state = 'succeeded'")
    with pytest.raises(Conflict, match="no run of g2 did not succeed"):
        groups.again(bench, made, failed=True)
    assert groups.again(bench, group)[1] == 3
