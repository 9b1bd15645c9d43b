"""One call of the command: the options that hold for all of it, and the home it works on, opened at first use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workbench.errors import Refused

if TYPE_CHECKING:
    from workbench.services.bench import Bench


@dataclass
class Invocation:
    """What `--home --json --quiet --read-only` said, at whichever place they stood."""

    home: str | None = None
    json: bool = False
    quiet: bool = False
    read_only: bool = False
    _bench: Bench | None = field(default=None, repr=False)

    def reading(self) -> Bench:
        """The home, for looking at. Refused where there is none: looking makes nothing."""
        return self._open(create=False)

    def changing(self) -> Bench:
        """The home, for a verb that changes something; made where it is missing. Refused under `--read-only`."""
        if self.read_only:
            raise Refused("this would change something", hint="Leave out --read-only to allow it.")
        return self._open(create=True)

    def close(self) -> None:
        """Close what was opened."""
        if self._bench is not None:
            self._bench.close()
            self._bench = None

    def _open(self, *, create: bool) -> Bench:
        if self._bench is None:
            from workbench.services.bench import open_bench

            self._bench = open_bench(self.home, origin="cli", create=create)
        return self._bench
