"""The launch of a run's kernel: begun in a thread once the host is known, while papermill prepares the notebook."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import replace as changed
from typing import Any

from jupyter_client.connect import write_connection_file

from workbench.engines.base import KernelHost
from workbench.engines.warm import NO_HISTORY
from workbench.errors import Refused
from workbench.execution.entrance import PORTS
from workbench.model.environment import KernelSpec
from workbench.paths import SOCKET_PATH_LIMIT

PREFIX = "k"  # sockets are k-1 … k-5


class Launch:
    """One launch. `info` is how a client connects; `settled` is set once nothing of it is under way any more."""

    def __init__(self, host: KernelHost, kernel: KernelSpec, env: Mapping[str, str], settled: threading.Event) -> None:
        """Begin. Sockets lie in the host's folder (`ipc`), or on the loopback interface where the host asks for `tcp`.
        `Refused` where the folder's path is too long for sockets, unix(7)."""
        self.host = host
        self.kernel = kernel
        self.settled = settled
        ipc = host.transport == "ipc"
        prefix = host.folder / PREFIX
        if ipc and len(os.fsencode(f"{prefix}-5")) > SOCKET_PATH_LIMIT:
            raise Refused(f"the folder for the kernel's sockets has too long a path: {host.folder}")
        facts: Any = {"transport": host.transport, "kernel_name": kernel.name}
        if ipc:  # numbers of our own: those of one that was made ahead may be there already
            facts |= {name: number for number, name in enumerate(PORTS, 1)}
        facts["key"] = os.urandom(16).hex().encode()
        self.client_file, info = write_connection_file(
            str(host.folder / "client.json"), ip=str(prefix) if ipc else "127.0.0.1", **facts
        )
        self.info: Any = info
        # The same sockets under the paths that the kernel sees.
        facts |= {name: info.get(name) for name in PORTS}
        self._file = host.folder / "kernel.json"
        write_connection_file(str(self._file), ip=host.inside(prefix) if ipc else "127.0.0.1", **facts)
        self._env = dict(env)
        self._error: BaseException | None = None
        settled.clear()
        threading.Thread(target=self._run, name="launch", daemon=True).start()

    def wait(self) -> None:
        """Wait until its process exists; raises what kept it from that."""
        self.settled.wait()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            self.host.launch(_without_history(self.kernel), self._file, self._env)
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._error = error
        finally:
            self.settled.set()


def _without_history(kernel: KernelSpec) -> KernelSpec:
    """IPython's history database locks when kernels share it; a run needs none."""
    if kernel.language.lower() == "python" and any("ipykernel" in part for part in kernel.argv):
        return changed(kernel, argv=(*kernel.argv, NO_HISTORY))
    return kernel
