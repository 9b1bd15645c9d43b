"""Why an engine does not answer, in words for people."""

from __future__ import annotations

import errno

from workbench.engines.docker.endpoint import Endpoint
from workbench.errors import EngineDown
from workbench.text import one_line


def unreachable(endpoint: Endpoint, error: BaseException) -> EngineDown:
    """What the system or a library said of it, with what to do."""
    where = f"{endpoint.url} ({endpoint.source})"
    code = _errno(error)
    if code in {errno.EACCES, errno.EPERM}:
        return EngineDown(
            f"this account may not use the engine at {where}",
            title="Docker",
            hint="Join its group (`sudo usermod -aG docker $USER`, then log in again; that group is as mighty "
            "as root), or use rootless Docker or Podman.",
        )
    if code in {errno.ENOENT, errno.ECONNREFUSED}:
        return EngineDown(
            f"no engine answers at {where}",
            title="Docker",
            hint="Start it (`sudo systemctl start docker`), or set `engine: process` to do without.",
        )
    if "timed out" in str(error).lower():
        return EngineDown(f"the engine at {where} does not answer in time", title="Docker", hint="Is it stuck?")
    return EngineDown(f"the engine at {where} broke off: {one_line(str(error), 300)}", title="Docker")


def _errno(error: BaseException | None) -> int | None:
    """The system's error number somewhere in the chain of causes and arguments."""
    seen: list[BaseException] = []
    queue = [error]
    while queue:
        current = queue.pop()
        if not isinstance(current, BaseException) or current in seen:
            continue
        seen.append(current)
        if isinstance(current, OSError) and current.errno:
            return current.errno
        reason = getattr(current, "reason", None)
        inner = [argument for argument in current.args if isinstance(argument, BaseException)]
        queue += [*inner, current.__cause__, current.__context__]
        if isinstance(reason, BaseException):
            queue.append(reason)
    return None
