"""What is kept warm for runs, as the supervisor last wrote it down."""

from __future__ import annotations

import json

from workbench.locks import is_held
from workbench.model.warmth import WarmKernel
from workbench.services.bench import Bench


def kernels(bench: Bench) -> list[WarmKernel]:
    """Warm kernels of this home; none where no supervisor lives, for they end with it."""
    try:
        if not is_held(bench.home.supervisor_lock):
            return []
        return [WarmKernel.from_dict(one) for one in json.loads(bench.home.warm_file.read_bytes())]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def words(bench: Bench, environment: str) -> str:
    """What is kept warm of one environment; empty where nothing is."""
    return "; ".join(one.words for one in kernels(bench) if one.environment == environment)


def of_project(bench: Bench, project: str) -> str:
    """What waits for the next run of one project alone; empty where nothing does."""
    return "; ".join(f"a kernel of {one.environment}, {one.words}" for one in kernels(bench) if one.project == project)
