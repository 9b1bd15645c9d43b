"""Runs that have ended, as rows and folders: nothing was run."""

from __future__ import annotations

from workbench.model.run import RunState
from workbench.services.bench import Bench
from workbench.store import runs as rows


def ended(bench: Bench, name: str, state: RunState = RunState.SUCCEEDED) -> int:
    """A run that has ended and left a folder."""
    with bench.store.write() as connection:
        run = rows.insert(
            connection, project="p", notebook="n.ipynb", name=name, environment="python", parameters={}, cells=1,
            created=bench.now(), actor=bench.actor,
        )  # fmt: skip
        folder = bench.home.projects / "p" / "runs" / f"{name}-{run}"
        connection.execute(
            "UPDATE runs SET state = ?, output = ?, engine = 'docker' WHERE id = ?", (state, str(folder), run)
        )
    folder.mkdir(parents=True)
    (folder / "output.ipynb").write_text("{}")
    return run
