"""What the kernel counts of processes it killed for want of memory, cgroup versions 1 and 2; standard library only."""

from __future__ import annotations

import os

ROOT = "/sys/fs/cgroup"


def counter_of(pid: int | str, *, holding: str = "") -> str:
    """The file that counts OOM kills in the cgroup of a process (a number or `self`); empty where there is none.

    `holding`: what the cgroup's path has to hold, so that a process of another machine is not taken for it.
    """
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if holding not in path:
            continue
        if number == "0" or "memory" in controllers.split(","):
            found = counter_in(f"{ROOT}{'/memory' if controllers else ''}{path}".rstrip("/"))
            if found:
                return found
    return ""


def counter_in(folder: str) -> str:
    """The file that counts OOM kills in the cgroup of a folder; empty where there is none."""
    for name in ("memory.events", "memory.oom_control"):
        if os.path.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"
    return ""


def kills(counter: str) -> int:
    """OOM kills that a `memory.events` (v2) or `memory.oom_control` (v1) counts."""
    for line in read(counter).splitlines() if counter else ():
        key, _, value = line.partition(" ")
        if key == "oom_kill":
            return int(value)
    return 0


def limit(counter: str) -> int | None:
    """The memory limit in bytes of the cgroup of a counter; None where it has none."""
    folder = os.path.dirname(counter)
    for name in ("memory.max", "memory.limit_in_bytes"):
        text = read(f"{folder}/{name}").strip()
        if text.isdigit() and int(text) < 1 << 60:  # v1 says "none" as the largest number of pages
            return int(text)
    return None


def in_use(counter: str) -> int | None:
    """Bytes of memory in use, without what the system would give back at once; None where it is not told."""
    folder = os.path.dirname(counter)
    for name, idle in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        text = read(f"{folder}/{name}").strip()
        if text.isdigit():
            facts = dict(line.split(" ", 1) for line in read(f"{folder}/memory.stat").splitlines() if " " in line)
            return max(0, int(text) - int(facts.get(idle, "0")))
    return None


def read(path: str) -> str:
    """A file of the kernel's; empty where it cannot be read."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
