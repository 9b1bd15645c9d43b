"""IDEs that a session can hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ide:
    """A tool a session runs: `port` inside its container, `token_variable` names the file that holds its secret."""

    name: str
    title: str
    port: int
    path: str  # what the browser opens, below the session's address
    probe: str  # answers 200 with the secret, and anything but 200 without
    stop_grace: float = 10.0  # seconds between asking it to stop and killing it


JUPYTER = Ide(name="jupyter", title="JupyterLab", port=8888, path="/lab", probe="/api/status")
IDES: dict[str, Ide] = {JUPYTER.name: JUPYTER}
