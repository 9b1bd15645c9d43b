"""How each IDE is started in a container, and how it is told its secret."""

from __future__ import annotations

from pathlib import Path

from workbench.engines.base import SessionRequest
from workbench.engines.docker.container import PRIVATE
from workbench.errors import Refused, WorkbenchError

TOKEN = str(PRIVATE / "token")
SHORTEST_TOKEN = 32


def command(request: SessionRequest, *, root: bool, shell: str) -> list[str]:
    """argv of the session's tool; `root`: it runs as root of its container, whose shell is `shell`."""
    if request.ide.name != "jupyter":
        raise Refused(f"{request.ide.title} cannot be started in a container yet")
    return [
        "jupyter-lab",
        "--no-browser",
        "--ServerApp.ip=0.0.0.0",
        f"--ServerApp.port={request.ide.port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={request.workspace.project}",
        # The Host header is checked against these: another site's name pointed here gets no answer.
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.local_hostnames=localhost",
        f"--ServerApp.local_hostnames={request.host_name}",
        # Named, it is no login shell: those forget the image's PATH.
        f"--ServerApp.terminado_settings={{'shell_command': [{shell!r}]}}",
        "--ServerApp.quit_button=False",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *(["--ServerApp.allow_root=True"] if root else []),
    ]


def variables(request: SessionRequest, home: str) -> dict[str, str]:
    """Variables by which the tool finds its secret; `home` is shared by the project's sessions, its runtime is not."""
    if request.ide.name != "jupyter":
        return {}
    return {
        "JUPYTER_TOKEN_FILE": TOKEN,
        "JUPYTER_TOKEN": "",
        "JUPYTER_RUNTIME_DIR": f"{home}/.local/share/jupyter/runtime-{request.id}",
    }


def secret_file(request: SessionRequest) -> Path:
    """The file with the session's secret, checked: an empty one would open the session to everybody."""
    path = request.folder / "token"
    try:
        token = path.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"the secret of session {request.name} cannot be read") from error
    if len(token) < SHORTEST_TOKEN or token != token.strip():
        raise WorkbenchError(f"the secret of session {request.name} is too short or has blanks around it")
    return path
