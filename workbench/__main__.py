"""Where `workbench`, `dsw` and `python -m workbench` begin; imports what the one command needs and no more."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from workbench.cli.program import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
