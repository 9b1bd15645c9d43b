"""What the person has in other homes: for somebody who looks into an empty list of the wrong one."""

from __future__ import annotations

import shlex

from workbench import homes
from workbench.services.bench import Bench
from workbench.text import one_line

MOST = 3  # homes that are named


def with_schedules(bench: Bench) -> str:
    """`Schedules of yours are in /home/ann/work: workbench --home …`, a line for each home; empty for none."""
    here = bench.home.root.resolve()
    roots = [root for root in homes.known().values() if homes.is_there(root) and root.resolve() != here]
    held = [root for root in dict.fromkeys(roots) if next(root.glob("projects/*/schedules/*.yaml"), None)]
    lines = [
        f"Schedules of yours are in {one_line(str(root))}: workbench --home {shlex.quote(one_line(str(root)))}"
        for root in held[:MOST]
    ]
    return "\n".join(lines)
