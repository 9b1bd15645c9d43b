"""Whether an environment can be used now, as the supervisor sees it."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.engines.process import venv
from workbench.model.build import BuildState
from workbench.model.environment import EngineName, Revision
from workbench.services import environments
from workbench.services.bench import open_bench
from workbench.store import builds as build_rows
from workbench.store import environments as rows
from workbench.supervisor.desk import Desk
from workbench.supervisor.engines import Engines
from workbench.supervisor.ready import Environments, NotYet, Usable


def test_a_venv_that_is_made_anew_is_not_used(tmp_path: Path) -> None:
    """While a forced build waits or works nothing starts in its venv, and what stands aside meanwhile is not forgotten."""
    bench = open_bench(tmp_path / "home")
    (bench.home.environments / "own.yaml").write_text(f"engine: process\nuse: {sys.executable}\nides: []\n")
    spec = environments.spec(bench, "own")
    desk = Desk(bench, lambda: None, tmp_path / "wake")
    engines = Engines(desk)
    number = engines.get(EngineName.PROCESS).revision_id(spec)
    folder = bench.home.environment_folder(spec.slug) / number
    folder.mkdir(parents=True)
    venv.write(folder, Revision(number, EngineName.PROCESS, sys.executable))
    about = {"at": desk.now(), "actor": desk.actor}
    with desk.write() as connection:
        rows.choose_engine(connection, "own", EngineName.PROCESS, "test", **about)  # type: ignore[arg-type]
        revision = Revision(number, EngineName.PROCESS, sys.executable)
        rows.add_revision(connection, "own", spec.fingerprint, revision, build=None, at=desk.now(), actor=desk.actor)
    known = Environments(desk, engines)

    def ready() -> object:
        return known.ready("own", desk.now(), desk.actor)

    assert isinstance(ready(), Usable)
    with desk.write() as connection:
        build = build_rows.request(connection, "own", spec.fingerprint, force=True, **about)  # type: ignore[arg-type]
    for state in (BuildState.QUEUED, BuildState.BUILDING):
        if state is BuildState.BUILDING:
            with desk.write() as connection:
                build_rows.change(connection, build, BuildState.QUEUED, state, **about)  # type: ignore[arg-type]
            folder.rename(venv.aside(folder))
        found = ready()
        assert isinstance(found, NotYet)
        assert f"b{build}" in found.hint
    with desk.write() as connection:
        assert rows.revision(connection, "own", spec.fingerprint) == revision
        build_rows.change(connection, build, BuildState.BUILDING, BuildState.CANCELLED, **about)  # type: ignore[arg-type]
    assert isinstance(ready(), Usable)
    assert folder.exists()
    bench.close()
