"""Deliveries: what a run leaves, copied to where people look for it."""

from __future__ import annotations

from dataclasses import dataclass

REPORT, BARE, NOTEBOOK, LOG = "report", "report without code", "notebook", "log"
KINDS = (REPORT, BARE, NOTEBOOK, LOG)


@dataclass(frozen=True)
class Delivery:
    """`what` (one of `KINDS`) is written as the file `to`, which may hold references of the run's time and begins at
    the project's folder unless it is absolute. `failed`: also what is there of a run that did not succeed."""

    to: str
    what: str = REPORT
    failed: bool = False
