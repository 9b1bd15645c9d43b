"""IDEs that a session can hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ide:
    """A tool a session runs: `port` inside its container."""

    name: str
    title: str
    port: int
    path: str  # what the browser opens, below the session's address
    probe: str  # answers 200 with the secret, and anything but 200 without
    websocket: str = ""  # where a websocket can be opened with the secret, and not without; empty where it has none
    stop_grace: float = 10.0  # seconds between asking it to stop and killing it


JUPYTER = Ide(
    name="jupyter", title="JupyterLab", port=8888, path="/lab", probe="/api/status", websocket="/api/events/subscribe"
)
IDES: dict[str, Ide] = {JUPYTER.name: JUPYTER}
