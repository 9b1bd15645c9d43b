"""`python -m workbench.ui --home FOLDER`: the terminal program by itself."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from workbench.errors import WorkbenchError


def main() -> int:
    """Read the options, run the program."""
    parser = argparse.ArgumentParser(prog="python -m workbench.ui")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--read-only", action="store_true")
    options = parser.parse_args()
    from workbench.ui.app import run

    try:
        run(options.home, read_only=options.read_only)
    except WorkbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
