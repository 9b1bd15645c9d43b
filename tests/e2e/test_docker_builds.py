"""Environments as images: which engine they get, how a build is followed, cancelled, and explained when it fails."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from containers import LABEL, build_ended, built, declare, gone, make_home
from docker import APIClient
from repositories import repository, served
from waiting import until
from world import PROJECT, end, ended, notebook

from workbench.model.build import BuildProgress, BuildState
from workbench.model.environment import EngineName
from workbench.model.run import Request
from workbench.model.session import ENDED as SESSION_ENDED
from workbench.model.session import SessionState
from workbench.services import environments, projects, revisions, runs, sessions
from workbench.services.bench import Bench
from workbench.services.supervision import control

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def _no_image_left(engine: APIClient) -> Iterator[None]:
    """Images that only these tests want are removed."""
    yield
    for name in ("test-followed", "test-fresh", "test-again", "theirs-requirements-txt"):
        for image in engine.images(filters={"label": f"{LABEL}environment={name}"}):
            engine.remove_image(image["Id"], force=True)


def never_built() -> str:
    """A declaration that nobody has built: its last layer is new, what is below is shared with all."""
    return f"engine: docker\npython: {{packages: ['six!=0.{secrets.randbelow(10**9)}']}}\nides: []\n"


def test_docker_is_chosen_where_it_answers(lab: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word in the declaration it is docker, with the reason written down; that stays, whatever is said later."""
    view = environments.view(lab, "python")
    assert view.engine is EngineName.DOCKER
    assert "answers at unix://" in view.engine_reason
    assert view.revision
    assert view.revision.reference == f"workbench/python:{view.revision.id}"
    assert view.revision.digest.startswith("sha256:")
    monkeypatch.setenv("WORKBENCH_ENGINE", "process")
    control.restart(lab)
    number = environments.build(lab, "python", force=False)
    assert number is None
    run = ended(lab, runs.submit(lab, Request(PROJECT, notebook(lab, "one.ipynb", "print(1)"))))
    assert run.ended_well
    assert run.engine == EngineName.DOCKER
    shown = subprocess.run(
        [sys.executable, "-m", "workbench", "--home", lab.home.root, "environments", "show", "python", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(shown.stdout)["engine"] == "docker"
    monkeypatch.undo()
    control.restart(lab)


def test_a_build_is_followed(lab: Bench) -> None:
    """Steps are told while it builds, its log is readable text; afterwards the time it took is known."""
    declare(lab, "test-followed", never_built())
    assert environments.usual_seconds(lab, "test-followed") is None
    number = environments.build(lab, "test-followed")
    assert number
    seen: list[BuildProgress] = []

    def look() -> bool:
        moment = environments.build_progress(lab, "test-followed")
        if moment and moment not in seen:
            seen.append(moment)
        return environments.get_build(lab, number).ended is not None

    until(look, "the build", seconds=500)
    build = environments.get_build(lab, number)
    assert build.state is BuildState.READY, build.reason
    assert any(moment.step and moment.steps >= moment.step and moment.text for moment in seen), seen
    log = environments.build_log(lab, number).read_text()
    assert "six" in log
    assert not any(character < " " for character in log.replace("\n", "").replace("\t", ""))
    usual = environments.usual_seconds(lab, "test-followed")
    assert usual
    assert environments.view(lab, "test-followed").state == "ready"


def test_an_unchanged_environment_costs_nothing(lab: Bench, engine: APIClient) -> None:
    """Built again there is nothing to do; another home finds the image by its revision instead of building it."""
    found = built(lab, "python")
    assert environments.build(lab, "python") is None
    other = make_home(lab.home.root.with_name("other"))
    try:
        number = environments.build(other, "python")
        assert number
        assert build_ended(other, number).state is BuildState.READY
        assert built(other, "python").digest == found.digest
        assert "is there already" in environments.build_log(other, number).read_text()
        assert environments.usual_seconds(other, "python") is None, "finding says nothing of how long building takes"
    finally:
        end(other)
        gone(other, engine)
        other.close()


def test_a_forced_build_reuses_nothing(lab: Bench, engine: APIClient) -> None:
    """Built again all the same, its steps are made anew into a revision of its own; the old is there, and can be used again."""
    declare(lab, "test-again", "engine: docker\nimage: debian:trixie-slim\napt: [hostname]\nides: []\n")
    before = built(lab, "test-again")
    user = engine.create_container(before.digest, entrypoint=["sleep"], command=["600"])["Id"]
    engine.start(user)
    try:
        number = environments.build(lab, "test-again", force=True)
        assert number
        build = build_ended(lab, number)
        assert build.state is BuildState.READY, build.reason
        assert "Reading package lists" in environments.build_log(lab, number).read_text()
        after = environments.view(lab, "test-again").revision
        assert after
        assert after.id == f"{before.id}-1"
        assert after.digest != before.digest
        assert engine.inspect_container(user)["State"]["Running"]
        assert engine.inspect_image(before.digest)
    finally:
        engine.remove_container(user, force=True)
    revisions.activate(lab, "test-again", before.id)
    until(lambda: environments.view(lab, "test-again").held, "the older one to be held")
    assert environments.view(lab, "test-again").revision == before
    assert revisions.release(lab, "test-again") == after.id
    engine.remove_image(before.reference)
    revisions.activate(lab, "test-again", before.id)
    until(lambda: not revisions.wish(lab, "test-again")[0], "the supervisor to miss it")
    view = environments.view(lab, "test-again")
    assert (view.state, view.revision) == ("ready", after)
    assert f"revision {before.id} is gone" in view.refusal


def test_a_build_is_cancelled(lab: Bench, engine: APIClient) -> None:
    """Cancelled in the middle, it ends within 10 s, with no builder and no image left."""
    # Large enough to be in the middle for a while, and never whole, so that it is never there already.
    packages = "[scipy, scikit-learn, statsmodels, polars, pyarrow, bokeh]"
    declare(lab, "test-cancelled", f"engine: docker\npython: {{packages: {packages}}}\nides: []\n")
    number = environments.build(lab, "test-cancelled")
    assert number

    def installing() -> bool:
        build = environments.get_build(lab, number)
        assert build.ended is None, f"{build.state}: {build.reason}"
        moment = environments.build_progress(lab, "test-cancelled")
        return bool(moment and "Python packages" in moment.text)

    until(installing, "the step of the packages", seconds=300)
    began = time.monotonic()
    assert environments.cancel_build(lab, number)
    build = build_ended(lab, number)
    assert time.monotonic() - began < 10
    assert build.state is BuildState.CANCELLED
    assert environments.view(lab, "test-cancelled").revision is None
    assert engine.images(filters={"label": "io.workbench.environment=test-cancelled"}) == []
    state = str(lab.home.state)
    assert [
        one for one in psutil.process_iter(["cmdline"]) if f"{state}/environments/test-cancelled" in str(one.info)
    ] == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("python: {packages: [six, no-such-package-of-ours]}", "no-such-package-of-ours"),
        ("python: {packages: ['six==99.0']}", "six==99.0"),
        ("apt: [no-such-debian-package]", "no-such-debian-package"),
    ],
)
def test_what_fails_is_named(lab: Bench, wrong: str, named: str) -> None:
    """A package that is nowhere is named in the reason, with what to do; a run in that environment says the same."""
    name = f"wrong-{secrets.token_hex(3)}"
    declare(lab, name, f"engine: docker\n{wrong}\nides: []\n")
    number = environments.build(lab, name)
    assert number
    build = build_ended(lab, number)
    assert build.state is BuildState.FAILED
    assert named in build.reason
    assert build.hint
    assert "\n" not in build.reason
    assert named in environments.build_log(lab, number).read_text()
    assert environments.view(lab, name).state == "failed"


def test_a_failed_build_fails_what_waits_for_it(lab: Bench) -> None:
    """A run whose environment cannot be built fails before it begins, with the build's reason."""
    declare(lab, "test-hopeless", "engine: docker\npython: {packages: [no-such-package-of-ours]}\nides: []\n")
    run = ended(
        lab, runs.submit(lab, Request(PROJECT, notebook(lab, "one.ipynb", "print(1)"), environment="test-hopeless"))
    )
    assert "could not be built" in run.reason
    assert "no-such-package-of-ours" in run.reason
    assert run.hint


def test_a_run_waits_for_its_build(lab: Bench) -> None:
    """Asked for before its environment is built, a run says that it is being built, then runs in it."""
    declare(lab, "test-fresh", never_built())
    path = notebook(lab, "six.ipynb", "import six\nprint(six.__name__)")
    number = runs.submit(lab, Request(PROJECT, path, environment="test-fresh"))
    until(lambda: "building environment test-fresh" in runs.get(lab, number).reason, "the reason why it waits")
    run = ended(lab, number, seconds=500)
    assert run.ended_well, run.reason
    assert run.revision == built(lab, "test-fresh").id


@pytest.mark.soak
def test_a_strangers_repository_works(lab: Bench, tmp_path: Path) -> None:
    """Cloned, built out of its standard files, its notebook run and JupyterLab up: with its packages, and what its
    `postBuild` and `start` give."""
    cell = "import os, pathlib, idna; print(os.environ['FROM_START'], idna.__version__, (pathlib.Path.home() / '.greeting').read_text())"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    files = {
        "requirements.txt": "idna==3.7\n",
        "postBuild": "#!/bin/sh\necho hello > $HOME/.greeting\n",
        "start": '#!/bin/sh\nexport FROM_START=started\nexec "$@"\n',
        "one.ipynb": nbformat.writes(
            nbformat.v4.new_notebook(metadata=kernel, cells=[nbformat.v4.new_code_cell(cell)])
        ),
    }
    repository(tmp_path / "forge" / "theirs", files)
    with served(tmp_path / "forge") as address:
        project = projects.clone(lab, f"{address}/theirs/.git")
    assert built(lab, environments.for_project(lab, project).name).ides == ("jupyter",)
    run = ended(lab, runs.submit(lab, Request("theirs", "one.ipynb")), seconds=120)
    assert run.ended_well, run.reason
    assert "started 3.7 hello" in (project.path / "runs" / "latest" / "output.ipynb").read_text()
    session = sessions.start(lab, "theirs")
    until(lambda: sessions.get(lab, session).state is SessionState.READY, "the session", seconds=120)
    sessions.stop(lab, session)
    until(lambda: sessions.get(lab, session).state in SESSION_ENDED, "its end", seconds=60)
