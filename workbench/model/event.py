"""Events: the store's journal of what changed, and the lines a runner appends while it works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class Event:
    """A row of `events`: `kind` is the table's thing (run, session …), `key` its id, `what` the new state or act."""

    id: int
    at: datetime
    kind: str
    key: str
    what: str
    detail: str
    by: str
    account: str
    origin: str


class Progress(StrEnum):
    """Kinds of lines in a run's `events.jsonl`; each line is a JSON object with `t` (UTC ISO) and `kind`.

    started   {pid, host}                       the runner holds its lock
    kernel    {kernel, seconds}                 the kernel answered
    cells     {total, code, before}             cells in all, code cells among them, and those that ran in the run before
    cell      {cell, n, of}                     a code cell begins: 1-based index of all cells, n-th code cell
    output    {cell, stream, text}              text of a cell (stdout, stderr, result, error)
    done      {cell, n, of, seconds, status}    a code cell ended: ok, error
    phase     {name}                            starting, running, finishing
    note      {text}                            something a person should know
    """

    STARTED = "started"
    KERNEL = "kernel"
    CELLS = "cells"
    CELL = "cell"
    OUTPUT = "output"
    DONE = "done"
    PHASE = "phase"
    NOTE = "note"
