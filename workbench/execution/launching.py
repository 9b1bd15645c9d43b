"""The launch of a run's kernel: begun in a thread once the host is known, while papermill prepares the notebook."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
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
        self._file = host.folder / "kernel.json"
        # The same sockets under the paths that the kernel sees.
        _, info = write_connection_file(str(self._file), ip=host.inside(prefix) if ipc else "127.0.0.1", **facts)
        self.info: Any = {**info, "ip": str(prefix) if ipc else "127.0.0.1"}
        self.client_file = str(host.folder / "client.json")
        self._env = dict(env)
        self._error: BaseException | None = None
        self._guard = threading.Lock()
        self._told: list[Callable[[], object]] = []
        settled.clear()
        threading.Thread(target=self._run, name="launch", daemon=True).start()

    def wait(self) -> None:
        """Wait until its process exists; raises what kept it from that."""
        self.settled.wait()
        if self._error:
            raise self._error

    def tell(self, call: Callable[[], object]) -> None:
        """Have `call` called, in whatever thread, once nothing of it is under way any more."""
        with self._guard:
            if not self.settled.is_set():
                self._told.append(call)
                return
        call()

    def written(self) -> str:
        """The file by which other clients connect, made now."""
        info = {name: value for name, value in self.info.items() if name != "key"}
        write_connection_file(self.client_file, key=self.info["key"].encode(), **info)
        return self.client_file

    def _run(self) -> None:
        try:
            self.host.launch(_without_history(self.kernel), self._file, self._env)
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._error = error
        finally:
            with self._guard:
                self.settled.set()
            for call in self._told:
                call()


def _without_history(kernel: KernelSpec) -> KernelSpec:
    """IPython's history database locks when kernels share it; a run needs none."""
    if kernel.language.lower() == "python" and any("ipykernel" in part for part in kernel.argv):
        return changed(kernel, argv=(*kernel.argv, NO_HISTORY))
    return kernel
