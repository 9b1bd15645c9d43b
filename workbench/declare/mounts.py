"""Which folders from outside a project may be shown inside it."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.errors import Refused

# Of the account: keys and passwords of other services lie in them.
_PRIVATE = (".ssh", ".gnupg", ".aws", ".kube", ".docker", ".config/gcloud", ".azure", ".password-store")
# Of the system: devices, kernel state, sockets of services, accounts.
_SYSTEM = ("/proc", "/sys", "/dev", "/etc", "/boot", "/run", "/var/run")
_EXCEPT = ("/dev/shm", "/run/media", "/run/mount")  # noqa: S108 - shared memory and removable media may be shown


def folder(said: str, state: Path | None = None) -> Path:
    """The real folder that `said` names.

    Raises `Refused` where it is no folder, or leads (through links too) to the root, the person's home, keys, the
    system's folders, or the `state` of a workbench.
    """
    path = Path(os.path.expanduser(said))  # unlike Path's own, silent where ~name is nobody
    if not path.is_absolute():
        raise Refused(f"{said!r} is no absolute path", hint="as /warehouse/sales; folders of the project need no entry")
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        raise Refused(f"{said} cannot be used: {why.lower()}") from None
    through = "" if real == Path(os.path.normpath(path)) else f" (it leads to {real})"
    if real.is_socket():
        raise Refused(
            f"{said}{through} is refused by policy", hint="a socket gives the rights of the service behind it"
        )
    if not real.is_dir():
        raise Refused(f"{said}{through} is not a folder")
    if reason := _refused(real, state):
        raise Refused(f"{said}{through} is refused by policy: {reason}", hint="name the folder with the data itself")
    if not os.access(real, os.R_OK | os.X_OK):
        raise Refused(f"{said} cannot be read by this account")
    return real


def _refused(real: Path, state: Path | None) -> str:
    home = Path.home().resolve()
    if real == Path("/"):
        return "it is the whole machine"
    if home.is_relative_to(real):
        return "it holds your home folder"
    for name in _PRIVATE:
        if real.is_relative_to(home / name):
            return f"keys and passwords are in ~/{name}"
    if state and (real.is_relative_to(state.resolve()) or state.resolve().is_relative_to(real)):
        return "it holds the state of this workbench"
    if any(real.is_relative_to(name) for name in _SYSTEM) and not any(real.is_relative_to(n) for n in _EXCEPT):
        return "it belongs to the system"
    return ""
