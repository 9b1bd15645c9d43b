"""The end of a forked kernel: what Python does for the person at its end, without taking apart all that was imported before the
fork, which is not this kernel's, costs as much as a start and copies nearly every page. Standard library only, 3.9 on."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import io
import os
import signal
import sys
import threading
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, NoReturn

CODE = (ModuleType, FunctionType, BuiltinFunctionType, type)
LIBRARIES = 5  # seconds that they may take, for one could wait for a thread that waits for us
WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def leave(shell: Any, last: str) -> NoReturn:
    """End this process as Py_FinalizeEx and exit(3) would: threads, `atexit`, the person's objects, open files, then what
    libraries have to do. `shell`: IPython's, `last`: the module that was imported last before the first cell."""
    with contextlib.suppress(BaseException):  # what goes wrong in one step keeps none of the others from being taken
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - as below
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001 - Python has no other word for it
    sys.setswitchinterval(1e6)  # daemon threads have had their time
    with contextlib.suppress(BaseException):
        release(shell, last)
    settle()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LIBRARIES)
    ctypes.PyDLL(None).exit(0)  # with the lock of the interpreter: nobody else goes on
    os._exit(0)


def release(shell: Any, last: str) -> None:
    """Let go of what cells and the modules that they imported hold, so that it can finish its own affairs; of code last, which
    it may need for that."""
    with contextlib.suppress(Exception):
        shell.last_execution_result = None
        if shell.history_manager is not None:  # of IPython before 9: its own `atexit` takes leave of it
            shell.history_manager.output_hist.clear()
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    theirs = [sys.modules[name] for name in (*later(last), "__main__") if name in sys.modules]
    for code in (False, True):
        for module in theirs:
            if issubclass(type(module), ModuleType):
                empty(object.__getattribute__(module, "__dict__"), code=code)
        gc.collect()


def later(last: str) -> list[str]:
    """Names of modules that were imported after that one, none where it is gone; all the others are not touched, for that would
    copy the page of each."""
    found: list[str] = []
    for name in reversed(sys.modules):
        if name == last:
            return found[::-1]
        found.append(name)
    return []


def empty(names: dict[str, Any], *, code: bool) -> None:
    """Forget what a module holds; its code only where that is said."""
    for name in list(names):
        if name != "__builtins__" and (code or not issubclass(type(names[name]), CODE)):
            names[name] = None


def settle() -> None:
    """Write what open files still hold."""
    streams = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    for one in [*streams, *(thing for thing in gc.get_objects() if issubclass(type(thing), WRITERS))]:
        with contextlib.suppress(BaseException):
            one.flush()
