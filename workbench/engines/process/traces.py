"""What a kernel leaves in the process that it lived in, cleared so that the next one finds all as it was: names of modules, handlers of
signals and messages, what is registered for the end, variables, paths, singletons. Standard library, Python 3.9 on."""

from __future__ import annotations

import asyncio
import asyncio.base_events
import atexit
import gc
import itertools
import linecache
import logging
import os
import re
import signal
import sys
import threading
import warnings
import weakref
from types import MethodType, ModuleType
from typing import Any

from workbench.engines.process import birth

COUNTERS = ((threading, "_counter"),)  # names of threads are numbered


class Traces:
    """Made before, cleared after. Only what has been there before is compared: what is imported meanwhile stays."""

    def __init__(self) -> None:
        self.descriptors = birth.targets()
        self.threads = len(os.listdir("/proc/self/task"))
        self.modules = dict(sys.modules)
        self.names = {name: dict(_names(module)) for name, module in self.modules.items() if _is_module(module)}
        self.counters = {(module, name): _next(getattr(module, name, None)) for module, name in COUNTERS}
        self.variables = dict(os.environ)
        self.lists = [(one, list(one)) for one in (sys.path, sys.meta_path, sys.path_hooks, gc.callbacks, _handlers())]
        self.loggers = {logger: _state(logger) for logger in _loggers()}
        self.silent = logging.root.manager.disable
        self.finalized = weakref.finalize._registered_with_atexit  # type: ignore[attr-defined]  # noqa: SLF001
        self.lines = set(linecache.cache)
        self.signals: dict[int, Any] = {int(number): signal.getsignal(number) for number in signal.valid_signals()}
        self.registered: list[Any] = []
        self.caught = warnings.catch_warnings()
        self.caught.__enter__()
        register = atexit.register

        def remember(function: Any, *given: Any, **named: Any) -> Any:
            self.registered.append(function)
            return register(function, *given, **named)

        atexit.register = remember  # type: ignore[assignment]
        loop = self.loop = asyncio.base_events.BaseEventLoop
        create = self.create = loop.create_task

        def named(self: Any, *given: Any, **more: Any) -> Any:
            return create(self, *given, **{"name": "trial", **more})

        loop.create_task = named  # type: ignore[method-assign]  # else they would be numbered

    def clear(self) -> list[str]:
        """Put back what can be, and name what cannot: then this process is not what it was."""
        self.caught.__exit__(None, None, None)
        self.loop.create_task = self.create  # type: ignore[method-assign]
        self.unregister()
        for number, handler in self.signals.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        if self.variables != os.environ:
            os.environ.clear()
            os.environ.update(self.variables)
        for one, before in self.lists:
            one[:] = before
        for line in set(linecache.cache) - self.lines:
            del linecache.cache[line]
        _forget_singletons()
        sys.modules.update(self.modules)
        for name, names in self.names.items():
            _put_back(_names(self.modules[name]), names)
        gc.collect()
        self.reset()
        return self.lost()

    def unregister(self) -> None:
        """Let nothing happen at the end for objects of the kernel that was; what modules have registered goes on."""
        for function in self.registered:
            if isinstance(function, MethodType) and not isinstance(function.__self__, (type, ModuleType)):
                atexit.unregister(function)
        self.registered.clear()
        if not self.finalized and weakref.finalize._registered_with_atexit:  # type: ignore[attr-defined]  # noqa: SLF001
            atexit.unregister(weakref.finalize._exitfunc)  # type: ignore[attr-defined]  # noqa: SLF001 - where a kernel has it
            weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]  # noqa: SLF001 - in its order

    def reset(self) -> None:
        """Put back what counts, and who is told what."""
        for (module, name), number in self.counters.items():
            if number is not None:
                setattr(module, name, itertools.count(number).__next__)
        for logger in _loggers():
            handlers, logger.level, logger.propagate, logger.disabled = self.loggers.get(logger, _NEW)
            logger.handlers[:] = handlers
        logging.disable(self.silent)

    def lost(self) -> list[str]:
        """What is there that was not, or the other way round."""
        found = []
        if len(os.listdir("/proc/self/task")) > self.threads:  # BLAS ends its own before a fork
            found.append("threads")
        if birth.targets() != self.descriptors:
            found.append("descriptors")
        return found


_NEW: tuple[list[logging.Handler], int, bool, bool] = ([], logging.NOTSET, True, False)


def _is_module(one: Any) -> bool:
    return issubclass(type(one), ModuleType)


def _names(module: ModuleType) -> dict[str, Any]:
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return names


def _put_back(names: dict[str, Any], before: dict[str, Any]) -> None:
    for name, value in list(names.items()):
        if name not in before:
            if not _is_module(value):
                del names[name]
        elif before[name] is not value:
            names[name] = before[name]
    for name, value in before.items():
        names.setdefault(name, value)


def _next(counter: Any) -> int | None:
    """What a counter would count next, where it is one."""
    found = re.fullmatch(r"count\((\d+)\)", repr(getattr(counter, "__self__", None)))
    return int(found[1]) if found else None


def _handlers() -> list[Any]:
    handlers: list[Any] = logging._handlerList  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else names them
    return handlers


def _loggers() -> list[logging.Logger]:
    known = logging.Logger.manager.loggerDict.values()
    return [logging.getLogger(), *(one for one in known if isinstance(one, logging.Logger))]


def _state(logger: logging.Logger) -> tuple[list[logging.Handler], int, bool, bool]:
    return list(logger.handlers), logger.level, logger.propagate, logger.disabled


def _forget_singletons() -> None:
    module = sys.modules.get("traitlets.config.configurable")
    waiting = [module.SingletonConfigurable] if module else []
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if vars(one).get("_instance") is not None:
            one._instance = None  # noqa: SLF001 - as its `clear_instance` does
