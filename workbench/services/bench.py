"""A home opened by somebody: where it is, its store, its settings, and who asks."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workbench.paths import Home, find_home, open_home
from workbench.settings import Settings
from workbench.store import Store
from workbench.store.events import Actor


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Bench:
    """What every verb needs. `clock` gives aware UTC times; tests pass their own."""

    home: Home
    actor: Actor
    clock: Callable[[], datetime] = utc_now
    memory: dict[str, Any] = field(default_factory=dict, repr=False)  # what a service keeps between two looks at files
    _settings: tuple[tuple[int, int], Settings] | None = field(default=None, repr=False)

    @cached_property
    def store(self) -> Store:
        """The home's store, opened at first use."""
        return Store(self.home.database)

    def now(self) -> datetime:
        """The time by this bench's clock."""
        return self.clock()

    @property
    def settings(self) -> Settings:
        """`workbench.yaml` as it is now; what is wrong in it is left out here and told by `check`."""
        try:
            facts = self.home.settings_file.stat()
        except OSError:
            self._settings = None
            return Settings()
        mark = (facts.st_mtime_ns, facts.st_size)
        if self._settings is None or self._settings[0] != mark:
            from workbench.declare import load_settings

            self._settings = (mark, load_settings(self.home.settings_file).value or Settings())
        return self._settings[1]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of this home; UTC where none was chosen."""
        try:
            return ZoneInfo(self.settings.timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def close(self) -> None:
        """Close the store."""
        if "store" in self.__dict__:
            self.store.close()


def who(origin: str) -> Actor:
    """The person who asks (SUDO_USER, else the login name, else the account) and the account it happens as."""
    account = pwd.getpwuid(os.getuid()).pw_name if _known(os.getuid()) else str(os.getuid())
    person = os.environ.get("SUDO_USER") or os.environ.get("LOGNAME") or account
    return Actor(person, account, origin)


def open_bench(root: str | Path | None = None, *, origin: str = "cli", create: bool = True) -> Bench:
    """The home that `root`, WORKBENCH_HOME, the working directory or the default names; made on first use."""
    return Bench(open_home(find_home(root), create=create), who(origin))


def _known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
