"""The part of a kernel that is the same for all kernels of a zygote, made before the fork: IPython's application with its settings, and the
shell. A kernel makes the rest by itself in its own order, and finds these made. Standard library, Python 3.9 on."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from workbench.engines.process.farewell import later
from workbench.engines.process.rehearsal import FILE, OWNER, PLACE, Rehearsal

NOBODY = 1  # a parent's process id for which ipykernel does not look
# What the application does first of all; it is done.
DONE = (
    "parse_command_line", "init_crash_handler", "init_profile_dir", "init_config_files", "load_config_file", "update_config",
    "init_pdb", "init_extensions", "init_code",
)  # fmt: skip
# What a kernel says of the shell that it wants.
WISHES = {"parent", "profile_dir", "user_module", "user_ns", "kernel", "compiler_class"}


class Draft:
    """Of a kernel with these arguments. Raises anything where this ipykernel is of another build."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        before = dict(os.environ)
        applications: Any = importlib.import_module("ipykernel.kernelapp").IPKernelApp
        self.app: Any = applications.instance(parent_handle=NOBODY)
        rehearsal.tell(self.app, PLACE)
        base: Any = super(applications, self.app)
        base.initialize(list(rehearsal.arguments))
        del self.app.parse_command_line
        self.app.init_pdb()
        traits = self.app.kernel_class.class_traits()
        self.shells: Any = traits["shell_class"].default_value
        compilers = getattr(sys.modules["ipykernel.ipkernel"], "XCachingCompiler")  # noqa: B009 - of others, of no known type
        wishes = {"profile_dir": self.app.profile_dir, "user_module": None, "user_ns": None}
        self.shell: Any = self.shells.instance(parent=self.app, compiler_class=compilers, **wishes)
        self.shell.display_formatter.format(0)  # makes all that it has
        self.app.shell = self.shell
        self.app.init_extensions()
        self.app.init_code()
        self.last = next(reversed(sys.modules))
        history = self.shell.history_manager
        if (
            os.environ.get("JPY_SESSION_NAME")
            or history.hist_file != ":memory:"
            or any(not hasattr(self.app, name) for name in DONE)
        ):
            raise ValueError("another build")
        with history.db:  # it is memory alone, so that a fork may have it; its first session will be the kernel's
            history.db.execute("DELETE FROM sessions")
            history.db.execute("DELETE FROM sqlite_sequence")
        self.files = Files()
        os.environ.clear()
        os.environ.update(before)

    def tell(self, arguments: list[str], place: str) -> None:
        """Let the application be of this process, with `place` for the connection file."""
        app = self.app
        app.parent_handle = os.getppid()
        app.argv = list(arguments)
        app.connection_file = app.config[OWNER][FILE] = app.cli_config[OWNER][FILE] = place
        for name in DONE:
            setattr(app, name, _nothing)
        self.shells.instance = self.instance
        self.files.lend()

    def drop(self) -> None:
        """Nobody wants it: as if it had never been."""
        atexit.unregister(self.shell.atexit_operations)
        self.shells.clear_instance()
        type(self.app).clear_instance()

    def told(self) -> None:
        """The application has been initialised: it is as any other."""
        for name in DONE:
            self.app.__dict__.pop(name, None)
        if "instance" in vars(self.shells):
            del self.shells.instance
        self.files.give(self.app.kernel)
        self.shell._sys_modules_keys.update(later(self.last))  # noqa: SLF001 - those that %reset leaves

    def instance(self, **wishes: Any) -> Any:
        """The shell, for the kernel that wants one."""
        del self.shells.instance
        shell = self.shell
        atexit.unregister(shell.atexit_operations)
        if not self.fits(wishes):
            del self.app.init_extensions, self.app.init_code
            self.shells.clear_instance()
            return self.shells.instance(**wishes)
        atexit.register(shell.atexit_operations)  # in its order
        shell.parent, shell.kernel = wishes["parent"], wishes["kernel"]
        shell.init_environment()
        for name in shell._orig_sys_module_state:  # noqa: SLF001 - what it puts back at its end
            shell._orig_sys_module_state[name] = getattr(sys, name)  # noqa: SLF001
        shell.history_manager.new_session()
        stand(shell)
        return shell

    def fits(self, wishes: dict[str, Any]) -> bool:
        """Whether the shell is the one that is wanted."""
        return (
            set(wishes) <= WISHES
            and {"parent", "kernel"} <= set(wishes)
            and wishes.get("user_module") is None
            and wishes.get("user_ns") is None
            and wishes.get("profile_dir") is self.app.profile_dir
            and wishes.get("compiler_class", type(self.shell.compile)) is type(self.shell.compile)
        )


def drafted(rehearsal: Rehearsal, give_up: Callable[[], None]) -> Draft:
    """A draft; where there can be none, `give_up` is called, which does not return."""
    try:
        return Draft(rehearsal)
    except (Exception, SystemExit):
        traceback.print_exc()
        give_up()
        raise


class Files:
    """The files of all modules, which kernels want for their debugger. Asking each module for it would copy the page of each, so
    where a kernel asks, there are none, and it is given the list."""

    def __init__(self) -> None:
        self.names = [file for one in list(sys.modules.values()) if (file := getattr(one, "__file__", None))]
        self.borrower: Any = sys.modules.get("ipykernel.ipkernel")

    def lend(self) -> None:
        """Let the module that asks see no modules."""
        if getattr(self.borrower, "sys", None) is sys:
            self.borrower.sys = _Few()

    def give(self, kernel: Any) -> None:
        """Let it see all again, and have the list."""
        if type(getattr(self.borrower, "sys", None)) is not _Few:
            return
        self.borrower.sys = sys
        asked = getattr(kernel, "_kernel_modules", None)
        if asked == []:
            kernel._kernel_modules = self.names  # noqa: SLF001 - there is no other way to it
            for name, value in list(vars(getattr(kernel, "debugger", None) or kernel).items()):
                if value is asked:
                    setattr(kernel.debugger, name, self.names)


class _Few:
    """Python's `sys` without modules."""

    modules: dict[str, Any] = {}  # noqa: RUF012 - it stays empty

    def __getattr__(self, name: str) -> Any:
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)


def stand(shell: Any) -> None:
    """Let a shell that was made in another folder begin in this one."""
    place = os.getcwd()
    shell.starting_dir = place
    been: list[Any] = shell.user_ns["_dh"]
    been[:] = [type(one)(place) for one in been[:1]]


def _nothing(*_: Any) -> None:
    """It is done."""
