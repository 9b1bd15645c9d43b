"""The mark of a process that was forked and not started: what /proc shows as the environment that it was started with.

A sweep finds what outlived its keeper by that mark, and children of a kernel that fork too carry it on. Programs that a
kernel starts have it from `os.environ`. The variable stands in the memory of the process, as long as every mark of a
home is, and is overwritten there.
"""

from __future__ import annotations

import ctypes

from workbench.engines.process.proc import MARK

ENVIRONMENT = 49  # the field of /proc/self/stat that says where it begins, counted from 0; proc(5): env_start


class Marker:
    """Where the mark of this process stands; raises `OSError` where that cannot be found out."""

    def __init__(self) -> None:
        with open("/proc/self/environ", "rb") as file:
            environment = file.read()
        begin = f"{MARK}=".encode()
        at = 0
        for entry in environment.split(b"\0"):
            if entry.startswith(begin):
                self.length = len(entry) - len(begin)
                self.address = _start() + at + len(begin)
                break
            at += len(entry) + 1
        else:
            raise OSError("this process was started without a mark")
        self.write(entry[len(begin) :].decode())

    def write(self, mark: str) -> None:
        """Carry another mark of the same length from now on."""
        data = mark.encode()
        if len(data) != self.length:
            raise OSError("a mark of another length")
        ctypes.memmove(self.address, data, len(data))
        with open("/proc/self/environ", "rb") as file:
            if f"{MARK}={mark}".encode() not in file.read().split(b"\0"):
                raise OSError("the mark of this process cannot be changed")


def _start() -> int:
    with open("/proc/self/stat") as file:
        text = file.read()
    # The second field, the name, may hold spaces and parentheses; the first two are before its end.
    start = int(text[text.rfind(")") + 2 :].split()[ENVIRONMENT - 2])
    if not start:
        raise OSError("this system does not tell where the environment of a process stands")
    return start
