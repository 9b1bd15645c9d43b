"""What is asked to be run, checked before it is queued: one run, or all of a sweep."""

from __future__ import annotations

from workbench.model.run import Request
from workbench.services.asking import requests, sweeps
from workbench.services.asking.memo import Memo
from workbench.services.asking.requests import Checked
from workbench.services.bench import Bench


def check(
    bench: Bench, request: Request, *, ahead: bool = False, later: bool = False, memo: Memo | None = None
) -> Checked:
    """Everything that can be known before queueing. Raises `Refused` or `NotFound` for what could not be run.

    `ahead`: only whether it could be queued, so git, which takes processes, is not asked. `later`: files that are to be
    kept for it are kept by the supervisor. `memo`: of many requests at once, what they share is asked once.
    """
    memo = memo or Memo()
    if request.sweep:
        return sweeps.check(bench, request, ahead=ahead, later=later, memo=memo)
    return requests.check_one(bench, request, ahead=ahead, later=later, memo=memo)
