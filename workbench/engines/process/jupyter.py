"""How JupyterLab is started as a local process: private, on its own host name, its secret only in a file."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.engines.base import SessionRequest
from workbench.engines.process.surroundings import environment
from workbench.engines.process.venv import interpreter
from workbench.paths import private_folder


def command(request: SessionRequest) -> list[str]:
    """argv of the server. No secret is in it: the token is read from JUPYTER_TOKEN_FILE."""
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(request.port),
        "ServerApp.port_retries": "0",
        "ServerApp.open_browser": "False",
        "ServerApp.allow_remote_access": "False",  # any other Host is refused, which stops DNS rebinding
        "ServerApp.root_dir": str(request.workspace.project),
        # Kept beside the token, so that an open browser tab outlives a restart.
        "ServerApp.cookie_secret_file": str(request.folder / "cookie_secret"),
        "ServerApp.quit_button": "False",
        "LabApp.news_url": "None",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    argv = [str(interpreter(request.revision)), "-m", "jupyterlab"]
    argv += [f"--{name}={value}" for name, value in options.items()]
    argv += [f"--ServerApp.local_hostnames={name}" for name in ("localhost", request.host_name)]
    return [*argv, "--allow-root"] if os.getuid() == 0 else argv


def variables(request: SessionRequest, settings: Path) -> dict[str, str]:
    """Its environment. `settings` keeps what the person sets in JupyterLab, for all sessions of the project."""
    env = environment(
        request.revision,
        request.workspace,
        {
            "JUPYTER_TOKEN_FILE": str(request.folder / "token"),
            "JUPYTER_RUNTIME_DIR": str(private_folder(request.folder / "runtime")),
            "JUPYTER_CONFIG_DIR": str(private_folder(settings / "config")),
            "JUPYTER_DATA_DIR": str(private_folder(settings / "data")),
            "JUPYTER_PREFER_ENV_PATH": "1",
        },
    )
    env.pop("JUPYTER_TOKEN", None)  # it would win over the file
    return env
