"""The records of kernels that wait, among those of kernels: found, announced, and taken by one act."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.engines.waiting import FACTS, GOING, SPARE


@dataclass(frozen=True)
class Spare:
    """A kernel that waits. `shape`: everything it was started by; `folder`: of its sockets; `handle`: its container."""

    mark: str
    shape: str
    folder: str
    handle: str = ""


def name(mark: str) -> str:
    """How the record of a spare is named while it is one, and how sweeps are told that it is known."""
    return f"{SPARE}@{mark}"


def announce(record: Path, spare: Spare) -> None:
    """From now on it can be taken."""
    new = record / f".{FACTS}"
    new.write_text(json.dumps(asdict(spare)))
    new.replace(record / FACTS)


def found(records: Path) -> Iterator[Spare]:
    """Those that can be taken."""
    try:
        names = os.listdir(records)
    except OSError:
        return
    for one in names:
        if not one.startswith(f"{SPARE}@"):
            continue
        try:
            facts = json.loads((records / one / FACTS).read_bytes())
            yield Spare(**facts)
        except (OSError, ValueError, TypeError):
            continue


def take(records: Path, shape: str, run: str) -> tuple[Spare, Path] | None:
    """One of this shape, from now on of `run`, with its record; None where there is none."""
    for spare in found(records):
        if spare.shape == shape and (record := rename(records, spare.mark, run)):
            return spare, record
    return None


def withdraw(records: Path, mark: str) -> Path | None:
    """Nobody can take it any more; its record, None where somebody has taken it."""
    return rename(records, mark, GOING)


def rename(records: Path, mark: str, owner: str) -> Path | None:
    """Give a spare to `owner`: rename(2), which one succeeds in."""
    target = records / f"{owner}@{mark}"
    try:
        os.rename(records / name(mark), target)
    except OSError:
        return None
    return target


def of(records: Path, mark: str) -> Path | None:
    """The record of that mark, whosever it is."""
    try:
        names = os.listdir(records)
    except OSError:
        return None
    return next((records / one for one in names if one.endswith(f"@{mark}")), None)
