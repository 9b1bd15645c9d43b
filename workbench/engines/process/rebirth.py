"""What a forked process makes anew so that it is as one that was started: environment, signals, seeds, names. Then it
is a kernel. Standard library only, from Python 3.9 on: it runs in the environment's own Python."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import signal
import sys
import time
from typing import Any

LAUNCHER = "ipykernel_launcher"


def become(argv: list[str], env: dict[str, str]) -> None:
    """Be the kernel that `argv`, `PYTHON … -m ipykernel_launcher ARGUMENT…`, would start; returns at its end."""
    given = argv[argv.index("-m") + 2 :]
    surround(env)
    signals()
    renew()
    spec = importlib.util.find_spec(LAUNCHER)
    sys.argv = [spec.origin if spec and spec.origin else LAUNCHER, *given]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = argv
    application: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp
    # Its default is read when the class is made, which was before there was a keeper.
    kernel = application.instance(parent_handle=os.getppid())
    kernel.initialize(given)
    plots()
    kernel.start()


def surround(env: dict[str, str]) -> None:
    """Exactly these variables, for Python and for libraries."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()


def signals() -> None:
    """As Python has them when it starts; all are the system's defaults now."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def renew() -> None:
    """What modules keep from when they were imported. `random` seeds itself after a fork."""
    importlib.invalidate_caches()
    loaded: dict[str, Any] = dict(sys.modules)
    if tempfile := loaded.get("tempfile"):
        tempfile.tempdir = None
    if process := loaded.get("multiprocessing.process"):
        process.ORIGINAL_DIR = os.getcwd()
        process.current_process().authkey = os.urandom(32)
    if numbers := loaded.get("numpy.random"):
        with contextlib.suppress(Exception):  # whichever numpy it is
            numbers.seed()


def plots() -> None:
    """Matplotlib that was imported before there was a kernel gets what it does where it finds one."""
    pyplot, inline = sys.modules.get("matplotlib.pyplot"), sys.modules.get("matplotlib_inline.backend_inline")
    if pyplot:
        with contextlib.suppress(Exception):
            pyplot.install_repl_displayhook()
    if inline:
        with contextlib.suppress(Exception):
            inline._enable_matplotlib_integration()  # noqa: SLF001 - what its import calls
