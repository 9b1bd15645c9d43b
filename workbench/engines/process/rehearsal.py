"""What every kernel of a zygote works out anew though it is always the same, worked out once before the fork: what its
arguments say, and the patterns by which cells are read. No kernel, shell or singleton is made. Standard library, 3.9 on."""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.util
import os
from collections.abc import Iterator, Sequence
from typing import Any

PLACE = "{connection_file}"  # in the arguments of a zygote's kernels
LAUNCHER = "ipykernel_launcher"
ENDINGS = (".py", ".ipy", "config.json")  # of files that are settings or code
PLAIN = {"-f", PLACE, "--HistoryManager.hist_file=:memory:"}  # arguments that are neither settings nor code
OWNER, FILE = "IPKernelApp", "connection_file"


class Rehearsal:
    """Of kernels that are started with these arguments; where it fails they find out by themselves."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)
        self.config: Any = None
        self.extra: list[str] = []
        self.folders = [*settings()]
        spec = importlib.util.find_spec(LAUNCHER)
        self.launcher: str = spec.origin if spec and spec.origin else LAUNCHER
        with contextlib.suppress(Exception):
            importlib.import_module("IPython.core.inputtransformer2").TransformerManager().transform_cell("1\n")
        with contextlib.suppress(Exception, SystemExit):
            read = importlib.import_module("ipykernel.kernelapp").IPKernelApp()
            read.parse_command_line(self.arguments)
            if read.cli_config[OWNER][FILE] == PLACE:
                self.config, self.extra = copy.deepcopy(read.cli_config), list(read.extra_args)

    def personal(self) -> bool:
        """Whether account, environment, machine or arguments have settings or code for all of IPython's kernels: what these do has
        to find a run's folder and variables."""
        if os.environ.get("PYTHONSTARTUP") or not set(self.arguments) <= PLAIN:
            return True
        return any(name.endswith(ENDINGS) for folder in self.folders for name in listed(folder))

    def place(self, arguments: Sequence[str]) -> str:
        """The connection file that these arguments name; empty where they differ from the rehearsed ones in more."""
        places = [arguments[at] for at, part in enumerate(self.arguments[: len(arguments)]) if part == PLACE]
        fits = bool(places) and [part.replace(PLACE, places[0]) for part in self.arguments] == list(arguments)
        return places[0] if fits else ""

    def tell(self, kernel: Any, place: str) -> None:
        """Let a kernel have what its arguments say, with `place` for the connection file, from here instead of reading them."""
        if self.config is None or not place:
            return

        def parse_command_line(argv: Sequence[str]) -> None:
            kernel.argv = list(argv)
            kernel.cli_config = copy.deepcopy(self.config)
            kernel.cli_config[OWNER][FILE] = place
            kernel.update_config(kernel.cli_config)
            kernel.extra_args = list(self.extra)

        kernel.parse_command_line = parse_command_line


def settings() -> Iterator[str]:
    """Folders that IPython's settings and start-up code are in."""
    profile = f"{importlib.import_module('IPython.paths').get_ipython_dir()}/profile_default"
    application = importlib.import_module("IPython.core.application")
    yield from (f"{profile}/startup", profile)
    yield from (*getattr(application, "ENV_CONFIG_DIRS", ()), *getattr(application, "SYSTEM_CONFIG_DIRS", ()))


def listed(folder: str) -> list[str]:
    """Names in a folder, none where it is not there."""
    try:
        return os.listdir(folder)
    except OSError:
        return []
