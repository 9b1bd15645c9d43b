"""A team's month at speed, with all that people and machines do to it: the ledger and the histories agree with the model."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import history
import pytest
from history import FAR, Told
from team import NOTEBOOK, PROJECT, Team, utc

from workbench.errors import WorkbenchError
from workbench.model.run import ACTIVE, PENDING, Request
from workbench.services import runs, schedules
from workbench.store import runs as run_rows

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
SETTLED = timedelta(days=2)  # after the last act all comes to its end


class Weeks:
    """Acts at random, and what is known of them."""

    def __init__(self, team: Team, count: int) -> None:
        self.team = team
        self.dice = random.Random(team.seed)
        self.told = Told()
        self.names = [f"{self.dice.choice(['sales', 'stock', 'allow'])}-{number}" for number in range(count)]
        for number, name in enumerate(self.names):
            spec = self.told.specs[name] = self.spec(name, ZONES[number % len(ZONES)])
            if number < len(ZONES) and "cron" in spec:
                spec["cron"] = "30 2 * * *"  # in the hour that clocks skip and repeat
            self.write(name)
        self.present = set(self.names)

    def spec(self, name: str, zone: str) -> dict[str, Any]:
        """A schedule as some person would write it."""
        dice = self.dice
        spec: dict[str, Any] = {
            "notebook": NOTEBOOK,
            "catch_up": dice.choice(["latest", "latest", "all", "none"]),
            "overlap": "allow" if "allow" in name else dice.choice(["skip", "queue", "replace"]),
            **self.timing(zone),
        }
        if dice.random() < 0.3:
            spec["retries"] = dice.randint(1, 2)
        if dice.random() < 0.2:
            spec["jitter"] = "10m"
        if dice.random() < 0.2:
            spec["catch_up_window"] = "3h"
        if dice.random() < 0.15 and "cron" in spec:
            spec["sweep"] = {"region": ["north", "south"]}
        return spec

    def timing(self, zone: str) -> dict[str, Any]:
        """When it is due: mostly at night, where clocks change."""
        dice = self.dice
        if dice.random() < 0.1:
            return {"every": f"{dice.randint(5, 30)}h", "start": "2026-01-01 03:10", "timezone": zone}
        minute, hour = (
            dice.choice(["0", "30", "15,45", f"{dice.randint(0, 59)}"]),
            dice.choice(["1", "2", "2", "3", "0", "1-3", "6", "*/6", "23"]),
        )
        day, weekday = dice.choice(["* *", "* *", "* 1-5", "* sun", "1,15 mon", "*/2 *"]).split()
        return {"cron": f"{minute} {hour} {day} * {weekday}", "timezone": zone}

    def write(self, name: str) -> None:
        """Its file; its times hold from now on."""
        self.team.write(name, self.told.specs[name])

    @property
    def now(self) -> datetime:
        """The time."""
        return self.team.now

    def live(self, days: int, acts: int) -> None:
        """So long, with so many acts in between; the end is quiet."""
        end = self.now + timedelta(days=days)
        self.start()
        for name in self.names:
            self.told.change(name, _timing(self.told.specs[name]), self.now)
        stops = sorted(self.now + (end - self.now) * self.dice.random() for _ in range(acts))
        for moment in stops:
            self.team.go_to(max(moment.replace(second=17, microsecond=0), self.now))
            self.noted()
            self.act()
        if not self.team.up:
            self.start()
        self._engine(down=False)
        self.team.go_to(end)
        for name in self.names:  # nothing new, so that all comes to an end
            if self.now_up() and name in self.present:
                self.remove(name)
        self.team.go_to(self.now + SETTLED)

    def now_up(self) -> bool:
        """Have the supervisor up."""
        self.noted()
        if not self.team.up:
            self.start()
        return True

    def start(self) -> None:
        """The supervisor, until it stays up."""
        while not self.team.up:
            self.team.start()
            if self.team.up and self.told.away and self.told.away[-1][1] == FAR:
                self.told.away[-1] = (self.told.away[-1][0], self.now)

    def down(self) -> None:
        """It is not up from now on."""
        if not self.told.away or self.told.away[-1][1] != FAR:
            self.told.away.append((self.now, FAR))

    def noted(self) -> None:
        """One that was killed is found so, and started anew by whoever finds it."""
        if not self.team.up and not (self.told.away and self.told.away[-1][1] == FAR):
            self.down()
            self.start()

    def act(self) -> None:
        """One of what people and machines do."""
        acts = {
            self.edit: 6, self.edit_other: 3, self.bad_edit: 3, self.pause: 4, self.resume: 2, self.cancel: 4, self.by_hand: 4,
            self.backfill: 2, self.sweep: 2, self.crash: 6, self.restart: 3, self.leave: 4, self.plug: 2, self.engine: 4,
            self.remove_one: 1,
        }  # fmt: skip
        self.dice.choices(list(acts), list(acts.values()))[0]()
        self.team.happen()
        self.noted()

    def some(self) -> str:
        """A schedule that is there."""
        return self.dice.choice(sorted(self.present))

    def edit(self) -> None:
        """Other times, or another zone."""
        name = self.some()
        spec = {
            key: value
            for key, value in self.told.specs[name].items()
            if key not in ("cron", "every", "start", "timezone")
        }
        self.told.specs[name] = spec | self.timing(self.dice.choice(ZONES))
        self.write(name)
        self.told.change(name, None, self.now)
        if self.team.up:
            self.team.look()
            self.noted()
        else:  # it holds from when somebody looks
            self.team.go_to(self.now + timedelta(hours=self.dice.randint(1, 9)))
            self.start()
        self.told.change(name, _timing(self.told.specs[name]), self.now)

    def edit_other(self) -> None:
        """Another environment variable of its notebook: its times stay."""
        name = self.some()
        self.told.specs[name] = {**self.told.specs[name], "parameters": {"day": str(self.dice.random())}}
        self.write(name)

    def bad_edit(self) -> None:
        """What cannot be read: the last good one goes on; later it is put right."""
        name = self.some()
        self.team.write(
            name, self.dice.choice(["cron: 61 * * * *\nnotebook: n\n", "notebook: [", "", "crom: '* * * * *'\n"])
        )
        self.team.look()
        if self.dice.random() < 0.5:
            self.team.go_to(self.now + timedelta(hours=self.dice.randint(1, 20)))
            self.noted()
        self.write(name)

    def remove_one(self) -> None:
        """Its file goes, and comes again."""
        if not self.now_up():
            return
        name = self.some()
        self.remove(name)
        self.team.go_to(self.now + timedelta(hours=5))
        self.now_up()
        self.write(name)
        self.team.look()
        self.now_up()
        self.told.change(name, _timing(self.told.specs[name]), self.now)
        self.present.add(name)

    def remove(self, name: str) -> None:
        """Its file goes."""
        (self.team.schedules_folder / f"{name}.yaml").unlink()
        self.team.look()
        self.now_up()
        self.told.change(name, None, self.now)
        self.present.discard(name)

    def pause(self) -> None:
        """With an end or without."""
        name, pauses = self.some(), self.told.pauses
        if pauses[name] and pauses[name][-1][1] > self.now:
            return
        end = self.now + timedelta(hours=self.dice.randint(1, 60)) if self.dice.random() < 0.7 else None
        if schedules.pause(self.team.bench, f"{PROJECT}/{name}", "holidays", until=end):
            pauses[name].append((self.now, end or FAR))

    def resume(self) -> None:
        """Those without an end, mostly."""
        for name, pauses in self.told.pauses.items():
            if pauses and pauses[-1][1] > self.now and schedules.resume(self.team.bench, f"{PROJECT}/{name}"):
                pauses[-1] = (pauses[-1][0], self.now)
                return

    def cancel(self) -> None:
        """Whatever waits or runs."""
        with self.team.bench.store.read() as connection:
            found = [*run_rows.in_states(connection, ACTIVE), *run_rows.in_states(connection, PENDING)]
        if found:
            runs.cancel(self.team.bench, self.dice.choice(found).id)

    def by_hand(self) -> None:
        """Now, also for another time."""
        due = self.now - timedelta(days=self.dice.randint(1, 9)) if self.dice.random() < 0.5 else None
        schedules.now(self.team.bench, f"{PROJECT}/{self.some()}", due=due)

    def backfill(self) -> None:
        """Of the last days, what did not fire."""
        with suppress(WorkbenchError):  # what it has cannot be read just now
            plan = schedules.plan_backfill(
                self.team.bench, f"{PROJECT}/{self.some()}", self.now - timedelta(days=3), self.now
            )
            schedules.backfill(self.team.bench, plan)

    def sweep(self) -> None:
        """By hand, of no schedule."""
        runs.submit(self.team.bench, Request(PROJECT, NOTEBOOK, sweep={"region": ["a", "b", "c"]}))

    def crash(self) -> None:
        """kill -9 at some point to come; somebody starts it again at once."""
        self.team.crash = self.dice.randint(0, 12)
        for _ in range(20):
            if not self.team.up or self.team.crash is None:
                break
            due = self.team.next()
            if due is None or due > self.now + timedelta(days=1):
                break
            self.team.go_to(due)
        self.team.crash = None
        self.noted()

    def restart(self) -> None:
        """At once."""
        if self.team.up:
            self.team.stop()
            self.noted()

    def leave(self) -> None:
        """Nobody looks for hours or days, while runners go on; somebody may edit meanwhile."""
        self.team.stop()
        self.down()
        self.team.go_to(self.now + timedelta(hours=self.dice.choice([1, 3, 9, 30, 36])))
        if self.dice.random() < 0.5:
            self.edit()
        self.start()

    def plug(self) -> None:
        """The machine is off for a while."""
        self.team.plug()
        self.down()
        self.team.go_to(self.now + timedelta(minutes=self.dice.choice([2, 30, 600])))
        self.start()

    def engine(self) -> None:
        """It goes, or comes back."""
        self._engine(down=not self.team.engine_down)

    def _engine(self, *, down: bool) -> None:
        if down and not self.team.engine_down:
            self.told.outages.append((self.now, FAR))
        elif self.team.engine_down and not down:
            self.told.outages[-1] = (self.told.outages[-1][0], self.now)
        self.team.engine_down = down


def _timing(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: spec[key] for key in ("cron", "every", "start", "timezone") if key in spec}


def lived(
    folder: Path, patch: pytest.MonkeyPatch, seed: str, count: int, start: datetime, days: int, acts: int
) -> Counter[str]:
    """What there was of each kind, once all of it was checked."""
    team = Team(folder, patch, seed, start)
    try:
        weeks = Weeks(team, count)
        weeks.live(days, acts)
        return history.check(team, weeks.told)
    except BaseException as error:
        error.add_note(f"seed {seed!r}, at {team.now}")
        raise
    finally:
        team.close()


def test_a_week_of_a_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen schedules in five zones over two changes of clocks: every due time has one line that is true, no run is lost
    or doubled, whoever is named is told once."""
    kinds = lived(tmp_path, monkeypatch, "week", 15, utc(2026, 3, 28), 8, 60)
    assert set(kinds) == {"fired", "made up", "missed", "overlap", "paused"}, kinds


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
def test_a_month_of_a_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Fifty schedules from 7 March to 7 April: all clocks that change do so in these weeks."""
    kinds = lived(tmp_path, monkeypatch, f"month {seed}", 50, utc(2026, 3, 7), 31, 250)
    assert set(kinds) == {"fired", "made up", "missed", "overlap", "paused"}, kinds
