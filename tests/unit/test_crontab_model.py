"""The model of crontab(5) is held to what Debian's cron did over changes of the clocks: by a table of it, and by running it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import crontab_model
import debian_cron
import pytest

BEFORE, MINUTES = timedelta(minutes=130), 330
# When Debian's cron 3.0pl1-162 ran each line around each change, as day and time in UTC, once for each time it did:
# written down by `debian_cron.fired`, as the last test here runs it.
TABLE: dict[tuple[str, str], dict[str, str]] = {
    ("Europe/Berlin", "2026-03-29T01:00"): {
        "30 2 * * *": "29 01:00",
        "0,30 2 * * *": "29 01:00, 29 01:00",
        "15 1,2,3 * * *": "29 00:15, 29 01:00, 29 01:15",
        "*/15 2 * * *": "",
        "10 */2 * * *": "28 23:10, 29 02:10, 29 04:10",
        "20 2 1 * sun": "29 01:00",
        "59 1 * * *": "29 00:59",
    },
    ("Europe/Berlin", "2026-10-25T01:00"): {
        "30 2 * * *": "25 00:30",
        "0,30 2 * * *": "25 00:00, 25 00:30",
        "15 1,2,3 * * *": "24 23:15, 25 00:15, 25 02:15",
        "*/15 2 * * *": "25 00:00, 25 00:15, 25 00:30, 25 00:45, 25 01:00, 25 01:15, 25 01:30, 25 01:45",
        "10 */2 * * *": "25 00:10, 25 01:10, 25 03:10",
        "20 2 1 * sun": "25 00:20",
        "59 1 * * *": "24 23:59",
    },
    ("America/New_York", "2026-03-08T07:00"): {
        "30 2 * * *": "08 07:00",
        "0,30 2 * * *": "08 07:00, 08 07:00",
        "15 1,2,3 * * *": "08 06:15, 08 07:00, 08 07:15",
        "*/15 2 * * *": "",
        "10 */2 * * *": "08 05:10, 08 08:10, 08 10:10",
        "20 2 1 * sun": "08 07:00",
        "59 1 * * *": "08 06:59",
    },
    ("America/New_York", "2026-11-01T06:00"): {
        "30 2 * * *": "01 07:30",
        "0,30 2 * * *": "01 07:00, 01 07:30",
        "15 1,2,3 * * *": "01 05:15, 01 07:15, 01 08:15",
        "*/15 2 * * *": "01 07:00, 01 07:15, 01 07:30, 01 07:45",
        "10 */2 * * *": "01 04:10, 01 07:10, 01 09:10",
        "20 2 1 * sun": "01 07:20",
        "59 1 * * *": "01 05:59",
    },
    ("Australia/Lord_Howe", "2026-04-04T15:00"): {
        "30 2 * * *": "04 16:00",
        "0,30 2 * * *": "04 15:30, 04 16:00",
        "15 1,2,3 * * *": "04 14:15, 04 15:45, 04 16:45",
        "*/15 2 * * *": "04 15:30, 04 15:45, 04 16:00, 04 16:15",
        "10 */2 * * *": "04 13:10, 04 15:40, 04 17:40",
        "20 2 1 * sun": "04 15:50",
        "59 1 * * *": "04 14:59",
    },
    ("Australia/Lord_Howe", "2026-10-03T15:30"): {
        "30 2 * * *": "03 15:30",
        "0,30 2 * * *": "03 15:30, 03 15:30",
        "15 1,2,3 * * *": "03 14:45, 03 15:30, 03 16:15",
        "*/15 2 * * *": "03 15:30, 03 15:45",
        "10 */2 * * *": "03 13:40, 03 17:10",
        "20 2 1 * sun": "03 15:30",
        "59 1 * * *": "03 15:29",
    },
}


def modelled(zone: str, change: str, line: str) -> list[datetime]:
    """By the model, in the same minutes."""
    start = _start(change) + timedelta(minutes=1)
    return crontab_model.times(line, zone, start, start + timedelta(minutes=MINUTES))


@pytest.mark.parametrize(("zone", "change"), TABLE)
def test_the_model_agrees_with_what_cron_did(zone: str, change: str) -> None:
    """Fixed times in a gap run right after it and in a repeated hour once; wildcards follow the clocks. Times that cron
    made up for in one minute are one in the model: workbench fires once for them."""
    for line, times in TABLE[zone, change].items():
        told = [f"{moment:%d %H:%M}" for moment in modelled(zone, change, line)]
        assert told == sorted(set(filter(None, times.split(", ")))), line


def test_a_clock_that_jumps_by_more_than_three_hours_was_set() -> None:
    """cron(8): then nothing is made up for. Samoa left out 30 December 2011."""
    start = datetime(2011, 12, 28, tzinfo=UTC)
    told = crontab_model.times("30 6 * * *", "Pacific/Apia", start, start + timedelta(days=4))
    assert [f"{moment:%d %H:%M}" for moment in told] == ["28 16:30", "29 16:30", "30 16:30", "31 16:30"]


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("zone", "change"), TABLE)
def test_cron_itself_does_so(zone: str, change: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Debian's cron, minute by minute through the change."""
    if problem := debian_cron.problem():
        pytest.skip(problem)
    lines = {f"line{number}": line for number, line in enumerate(TABLE[zone, change])}
    found = debian_cron.fired(tmp_path_factory.mktemp("cron"), lines, zone, _start(change), MINUTES)
    for name, line in lines.items():
        assert ", ".join(f"{moment:%d %H:%M}" for moment in found[name]) == TABLE[zone, change][line], line
        assert sorted(set(found[name])) == modelled(zone, change, line), line


def _start(change: str) -> datetime:
    return datetime.fromisoformat(change).replace(tzinfo=UTC) - BEFORE
