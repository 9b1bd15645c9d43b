"""The shipped environments that `make test` does not build, and every app-like IDE in a container: `make images`."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import containers
import pytest
import world
from containers import engine, make_home
from docker import APIClient
from waiting import until

from workbench.model.run import RunState
from workbench.model.session import ENDED, SessionState
from workbench.services import projects, sessions
from workbench.services.bench import Bench

__all__ = ["engine"]
pytestmark = [pytest.mark.images, pytest.mark.docker, pytest.mark.timeout(1800)]
APPS = {
    "streamlit_app.py": "import streamlit\n\nstreamlit.slider('a number', 0, 100, 20)\n",
    "plain.py": "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    6 * 7\n    return\n",
}
CELL = "import sklearn, scipy, lightgbm, seaborn, pyarrow\nfrom lightgbm import LGBMRegressor\nprint(LGBMRegressor().fit([[0], [1]], [0, 1]))"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, engine: APIClient) -> Iterator[Bench]:
    """A home with an empty project."""
    bench = make_home(tmp_path_factory.mktemp("images") / "home")
    yield bench
    for session in sessions.listing(bench):
        if session.state not in ENDED:
            sessions.stop(bench, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(bench)), "the end of all", seconds=90)
    world.end(bench)
    containers.gone(bench, engine)
    bench.close()


def use(bench: Bench, environment: str) -> None:
    """Let the project use an environment, which is built."""
    (projects.get(bench, world.PROJECT).path / "project.yaml").write_text(f"environment: {environment}\n")
    containers.built(bench, environment)


@pytest.mark.parametrize(
    ("name", "cell"), [("minimal", "print(6 * 7)"), ("python-ml", CELL), ("shiny-python", "import shiny, pandas")]
)
def test_a_shipped_environment_runs_a_notebook(home: Bench, name: str, cell: str) -> None:
    """It is built on the engine, and what it is for can be imported and used in a run."""
    use(home, name)
    run = world.submit(home, world.notebook(home, "it.ipynb", cell))
    ended = world.ended(home, run, seconds=300)
    assert ended.state is RunState.SUCCEEDED, ended.reason


def test_apps_that_ship_as_ides_run_in_containers(home: Bench) -> None:
    """Streamlit, marimo and Voilà answer with their secret, all at once, from one image that has what they need."""
    containers.declare(home, "apps", "engine: docker\npython: {}\nides: [streamlit, marimo, voila]\n")
    for name, text in APPS.items():
        (projects.get(home, world.PROJECT).path / name).write_text(text)
    use(home, "apps")
    for number in [sessions.start(home, world.PROJECT, name) for name in ("streamlit", "marimo", "voila")]:
        until(lambda one=number: sessions.get(home, one).state in {SessionState.READY, *ENDED}, "it", seconds=200)
        session = sessions.get(home, number)
        assert session.state is SessionState.READY, f"{session.name}: {session.reason}"
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(sessions.secret_url(home, number, plain=True), timeout=60) as answer:
            assert session.ide in answer.read().decode().lower()
