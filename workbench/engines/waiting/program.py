"""Started in place of `python -m ipykernel_launcher`: loads what that loads, waits until a run takes it, and becomes it.

    python program.py CONNECTION_FILE JSON_LIST_OF_MODULES

Any Python from 3.8 on, and the standard library alone. It leaves nothing of its own behind for the kernel to find.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import runpy
import select
import sys
import time
from typing import Any

LONGEST = 1200.0  # seconds until it gives up waiting
# What a kernel imports by itself until its first cell has run, ipykernel 6 and 7; what is not there is left out.
KERNEL = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger", "ipykernel.parentpoller",
    "IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "tornado.platform.asyncio", "tornado.queues", "tornado.locks", "tornado.gen",
    "sqlite3", "pydoc", "stringprep", "encodings.idna", "email.parser", "faulthandler",
)  # fmt: skip
INLINE = "module://matplotlib_inline.backend_inline"


def load(preload: list[str]) -> None:
    """Import what a kernel imports by itself, and what was asked for; nobody hears what is said meanwhile."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    unset = "MPLBACKEND" not in os.environ
    if unset:  # matplotlib reads it when it is imported; a kernel sets it first of all
        os.environ["MPLBACKEND"] = INLINE
    for name in [*KERNEL, *preload]:
        with contextlib.suppress(Exception):  # whoever misses it is told by the kernel
            __import__(name)
    if unset:
        del os.environ["MPLBACKEND"]
    os.dup2(kept, 2)
    os.close(kept)
    os.close(nothing)


def order(path: str) -> dict[str, Any] | None:
    """What comes through the pipe; None where nothing does for too long."""
    pipe, said, deadline = os.open(path, os.O_RDWR | os.O_CLOEXEC), b"", time.monotonic() + LONGEST
    while not said.endswith(b"\n"):
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return None
        said += os.read(pipe, 65536)
    os.close(pipe)
    told: dict[str, Any] = json.loads(said)
    return told


def plots() -> None:
    """Matplotlib that was imported before there was a kernel gets what it does where it finds one. The same lines stand in
    `engines/process/rebirth.py`: each of the two is one file that an environment's own Python reads."""
    pyplot, inline = sys.modules.get("matplotlib.pyplot"), sys.modules.get("matplotlib_inline.backend_inline")
    if pyplot:
        with contextlib.suppress(Exception):
            pyplot.install_repl_displayhook()
    if inline:
        with contextlib.suppress(Exception):
            inline._enable_matplotlib_integration()  # noqa: SLF001 - what its import calls


def become(words: list[str]) -> None:
    """Be the kernel; returns at its end."""
    if "matplotlib" not in sys.modules:
        runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
        return
    application: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp
    spec = importlib.util.find_spec("ipykernel_launcher")
    sys.argv[0] = spec.origin if spec and spec.origin else sys.argv[0]
    kernel = application.instance()
    kernel.initialize(words)
    plots()
    kernel.start()


def wait() -> list[str]:
    """Load, wait, and be as `python -m` would have begun; the kernel's arguments."""
    connection, preload = sys.argv[1], json.loads(sys.argv[2])
    if sys.path and sys.path[0] == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]
    load(preload)
    told = order(os.path.join(os.path.dirname(connection), "go"))
    if told is None:
        os._exit(0)
    words: list[str] = told["argv"]
    os.environ.update(told["env"])
    time.tzset()
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = words
    sys.argv[:] = words[words.index("-m") + 1 :]
    importlib.invalidate_caches()
    loaded: dict[str, Any] = dict(sys.modules)
    if "tempfile" in loaded:
        loaded["tempfile"].tempdir = None
    return sys.argv[1:]


if __name__ == "__main__":
    become(wait())
