"""The program's own log, in the state of the home: what was shown as an error, and faults of ours with their traceback."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler

from workbench.paths import Home

SIZE = 500_000  # bytes, twice


def begin(home: Home) -> None:
    """Write what is logged from now on to `ui.log`; where that cannot be, to nowhere."""
    root = logging.getLogger("workbench.ui")
    try:
        handler = RotatingFileHandler(home.state / "ui.log", maxBytes=SIZE, backupCount=1, encoding="utf-8", delay=True)
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    root.propagate = False
