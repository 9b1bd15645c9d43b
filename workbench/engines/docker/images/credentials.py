"""How a person signs in to a registry: Docker's own credential store, asked without ever waiting for it for long."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import auth
from docker.errors import DockerException

HELPER = "docker-credential-"
PATIENCE = 20.0  # seconds that a helper may take: some of them ask for a password where nobody sees it
_NOT_FOUND = "credentials not found"


@dataclass(frozen=True)
class Login:
    """What the Engine is handed for a registry; empty for none. `problem` says why a login that is kept could not be had."""

    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str = ""


def login(registry: str, environ: Mapping[str, str] = os.environ) -> Login:
    """The login for `registry` in Docker's configuration: of its helper, of the store, else what the file itself has."""
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or Path.home()) / ".docker")
    try:
        text = (folder / "config.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return Login()
    except (OSError, UnicodeDecodeError):
        return Login(problem=f"{folder / 'config.json'} cannot be read")
    try:
        kept = json.loads(text)
        known = auth.AuthConfig.load_config(None, kept) if isinstance(kept, dict) and kept else auth.AuthConfig({})
    except (ValueError, TypeError, AttributeError, DockerException):
        return Login(problem=f"{folder / 'config.json'} is no configuration of Docker")
    problem = ""
    if helper := known.get_credential_store(registry):
        found, problem = _ask(str(helper), auth.INDEX_URL if registry == auth.INDEX_NAME else registry, environ)
        if found:
            return Login(found)
    plain = auth.AuthConfig({"auths": dict(known.auths)}).resolve_authconfig(registry)
    return Login(plain or {}, "" if plain else problem)


def _ask(helper: str, server: str, environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """What a helper has for a server, and why it has nothing where that is a fault."""
    name = f"{HELPER}{helper}"
    program = shutil.which(name, path=environ.get("PATH"))
    if program is None:
        return {}, f"{name}, which keeps the logins, is not installed"
    try:
        done = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=PATIENCE,
            env=dict(environ),
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            none = _NOT_FOUND in (done.stdout + done.stderr).decode("utf-8", "replace")
            return {}, "" if none else f"{name} could not hand out the login (exit code {done.returncode})"
        said: Any = json.loads(done.stdout)
        user, secret = str(said["Username"]), str(said["Secret"])
    except subprocess.TimeoutExpired:
        return {}, f"{name} did not answer within {PATIENCE:g} s"
    except OSError as error:
        return {}, f"{name} cannot be run: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return {}, f"{name} answered something else than a login"
    if not user and not secret:
        return {}, ""
    if user == auth.TOKEN_USERNAME:
        return {"ServerAddress": server, "IdentityToken": secret}, ""
    return {"ServerAddress": server, "Username": user, "Password": secret}, ""
