"""JupyterLab in the kernel of a failed run that is kept, real and on the process engine: in, out, and on from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browsing import Page
from waiting import until
from world import (
    PROJECT,
    end,
    ended,
    kill_supervisor,
    lab_python,
    notebook,
    start,
    until_nothing_is_left,
)

from workbench.errors import Conflict, Refused, WorkbenchError
from workbench.model.run import Request, Run, RunState
from workbench.model.session import ENDED, Session, SessionState
from workbench.model.terms import Terms
from workbench.services import projects, runs, sessions
from workbench.services.bench import Bench, open_bench
from workbench.services.history import attaching, continuing

__all__ = ["lab_python"]
FIRST, BAD, LAST = "x = 41\nprint('first')", "y = x / 0", "print('x is', x, y)"
OLD = """\
title: Jupyter as it was
idle: jupyter
command: ["{{python}}", -m, jupyterlab, --no-browser, --allow-root, "--ServerApp.ip={{host}}", "--ServerApp.port={{port}}",
  "--ServerApp.root_dir={{project}}", --ServerApp.allow_remote_access=False, --ServerApp.local_hostnames=localhost,
  "--ServerApp.local_hostnames={{host_name}}"]
port: 8888
path: /lab
ready: /api/status
sign_in: token-file
program: jupyter-lab
needs: {{python: [jupyterlab]}}
env: {{JUPYTER_TOKEN_FILE: "{{token_file}}", JUPYTER_TOKEN: "", JUPYTER_RUNTIME_DIR: "{{runtime}}"}}
""".replace("{{", "{").replace("}}", "}")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, lab_python: Path) -> Iterator[Bench]:
    """One home for all of them; afterwards nothing is left of it."""
    opened = open_bench(tmp_path_factory.mktemp("in-jupyter") / "home")
    for name, tools in (("bare", ""), ("local", "jupyter"), ("older", "old")):
        text = f"engine: process\nuse: {lab_python}\nides: [{tools}]\n"
        (opened.home.environments / f"{name}.yaml").write_text(text)
    opened.home.ides.mkdir(exist_ok=True)
    (opened.home.ides / "old.yaml").write_text(OLD)
    opened.home.settings_file.write_text("warm_kernels: 0\n")
    projects.create(opened, PROJECT, environment="local")
    yield opened
    for session in sessions.listing(opened):
        sessions.stop(opened, session.id)
    until(lambda: all(one.state in ENDED for one in sessions.listing(opened)), "their ends", seconds=60)
    end(opened)
    until_nothing_is_left(opened)
    opened.close()


def failed(bench: Bench, name: str, *cells: str) -> Run:
    """A run that has failed and whose kernel is kept."""
    path = notebook(bench, name, *cells)
    run = ended(bench, runs.submit(bench, Request(PROJECT, path, terms=Terms(keep=600.0))))
    assert run.kept_until, run.reason
    return run


def ready(bench: Bench, number: int) -> Session:
    """The session once it answers."""

    def look() -> Session | None:
        now = sessions.get(bench, number)
        assert now.state is not SessionState.FAILED, now.reason
        return now if now.state is SessionState.READY else None

    return until(look, "a session", seconds=120)


class Lab:
    """JupyterLab's page on a kept kernel, by what it asks of its server."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self.session = ready(bench, attaching.session(bench, run))
        self.page = Page(self.session, sessions.secret(bench, self.session))
        attached = attaching.to_jupyter(bench, run, self.session)
        self.kernel, self.file = attached.kernel, attached.file

    @property
    def kernels(self) -> list[str]:
        """What it lists; a server stumbles once over an entrance that went."""
        text = until(lambda: (got := self.page.ask("/api/kernels"))[0] == 200 and got[1], "a list of kernels")
        return [one["id"] for one in json.loads(text)]

    @property
    def bound(self) -> dict[str, str]:
        """Files that are open with a kernel."""
        return {one["path"]: one["kernel"]["id"] for one in json.loads(self.page.ask("/api/sessions")[1])}

    def entrances(self) -> list[str]:
        """What is left in its folder."""
        folder = self.bench.home.session_folder(self.session.id) / "runtime" / "kept"
        return [path.name for path in folder.resolve().iterdir()] if folder.exists() else []


async def test_the_state_is_worked_on_in_jupyterlab(bench: Bench) -> None:
    """A copy of the output is bound to the kernel: what its cells have made is there. Shut down in JupyterLab, or restarted, it
    is not; let in anew, also by another supervisor, the state is the same. A run goes on as the copy is then, its record
    says that somebody was in it, and JupyterLab has no such kernel any more."""
    run = failed(bench, "lab.ipynb", FIRST, BAD, LAST)
    lab = Lab(bench, run)
    assert lab.kernel in lab.kernels
    assert lab.bound[lab.file] == lab.kernel
    assert await lab.page.says(lab.kernel, "x += 1; print(x)") == "42\n"
    assert lab.page.ask(f"/api/kernels/{lab.kernel}/restart", "POST")[0] == 500
    lab.page.ask(f"/api/kernels/{lab.kernel}", "DELETE")
    assert lab.kernel not in lab.kernels

    kill_supervisor(bench)
    start(bench)
    again = Lab(bench, run)
    assert (again.session.id, again.file) == (lab.session.id, lab.file)
    assert again.bound[again.file] == again.kernel
    assert await again.page.says(again.kernel, "x += 1; print(x)") == "43\n"

    path = projects.get(bench, PROJECT).path / again.file
    content = json.loads(path.read_text())
    assert ["".join(cell["source"]) for cell in content["cells"]] == [FIRST, BAD, LAST]
    content["cells"][1]["source"] = "y = x / 1"
    path.write_text(json.dumps(content))
    after = ended(bench, continuing.go_on(bench, run.id, notebook=attaching.notebook(bench, run.id)))
    assert after.state is RunState.SUCCEEDED, (after.reason, after.failure)
    output = json.loads((Path(after.output) / "output.ipynb").read_text())
    assert output["cells"][2]["outputs"][0]["text"] == ["x is 43 43.0\n"]
    been = json.loads((Path(after.output) / "record.json").read_text())["continues"]["attached"]
    assert {(one["way"], one["by"]) for one in been} == {("JupyterLab", bench.actor.by)}
    assert f"run {run.id} from cell 2, cell 2 changed, after work by hand in it" in continuing.went_on(bench, after)
    assert again.kernel not in again.kernels
    assert again.entrances() == []


async def test_what_runs_by_hand_can_be_interrupted(bench: Bench) -> None:
    """A cell that was begun in JupyterLab is interrupted; one that still runs when a run goes on is too, and the run goes on.
    Who was let in is out once the kernel is given back, at the time that was chosen last."""
    run = failed(bench, "busy.ipynb", FIRST, BAD)
    lab = Lab(bench, run)
    began = projects.get(bench, PROJECT).path / "notebooks" / "began"
    wait = f"open({str(began)!r}, 'w').close()\nimport time; time.sleep(600)"
    await lab.page.leave_running(wait, lab.kernel)
    until(began.exists, "the cell to have begun")
    attaching.interrupt(bench, run.id)
    assert await lab.page.says(lab.kernel, "print(x)") == "41\n"
    await lab.page.leave_running(wait, lab.kernel)
    second = ended(bench, continuing.go_on(bench, run.id, {2: "x += 1\ny = x / 0"}))
    assert second.kept_until, (second.reason, second.failure)
    assert "ZeroDivisionError" in second.reason

    lab = Lab(bench, second)
    assert await lab.page.says(lab.kernel, "print(x)") == "42\n"
    longer = continuing.extend(bench, second.id, 7200)
    assert longer.kept_until
    assert longer.kept_until > second.kept_until
    continuing.extend(bench, second.id, 0.5)
    until(lambda: not continuing.all_kept(bench), "its time to be over", seconds=60)
    until(lambda: lab.kernel not in lab.kernels, "JupyterLab to know")
    with pytest.raises(Conflict, match="is not kept any more"):
        continuing.extend(bench, second.id, 60)
    with pytest.raises(Conflict, match="is not kept any more"):
        attaching.interrupt(bench, second.id)


def test_where_there_is_no_jupyterlab_it_is_said(bench: Bench) -> None:
    """A project whose environment has none is refused with what to add; a server that takes no kernel of others, as one that
    was started before, with its restart, and nothing is left in it."""
    run = failed(bench, "none.ipynb", FIRST, BAD)
    for name in ("bare", "older"):
        projects.create(bench, name, environment=name)
    with pytest.raises(Refused, match="environment bare has no JupyterLab") as refused:
        attaching.session(bench, replace(run, project="bare"))
    assert "ides: [jupyter]" in refused.value.hint
    old = ready(bench, attaching.session(bench, replace(run, project="older")))
    with pytest.raises(WorkbenchError, match="takes no kernel that it did not start") as refusal:
        attaching.to_jupyter(bench, run, old)
    assert f"sessions restart {old.name}" in refusal.value.hint
    assert attaching.of(bench, run.id) == []
    continuing.release(bench, run.id)
