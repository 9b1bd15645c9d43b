"""Text from elsewhere made safe to show, and values written for people."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

# C0 without tab and newline, DEL, C1, and the bidirectional overrides: none may reach a terminal.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# ECMA-48 control sequences and strings (CSI, OSC, DCS, APC, PM, SOS), removed whole so that no residue is left.
_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]"
)
# What begins a line of ours in the log of a run.
_LOGGED = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)Z\]", re.MULTILINE)


# The control characters of ASCII that are not kept, CR and ESC among them: text without them is clean as it is.
_CONTROLS = bytes({*range(32), 127} - {9, 10})


def clean(text: str) -> str:
    """`text` without control sequences and characters, tabs and newlines kept; a bare CR restarts its line."""
    if text.isascii() and len(text.encode().translate(None, _CONTROLS)) == len(text):
        return text
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return _UNSAFE.sub("", text)


def one_line(text: str, width: int = 0) -> str:
    """`text` cleaned and put on one line, cut to `width` characters where that is given."""
    line = " ".join(clean(text).split())
    return line if not width or len(line) <= width else line[: width - 1] + "…"


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago (or how soon) `moment` is: `25m`, `in 2h05m`; `-` where there is none."""
    if moment is None:
        return "-"
    gap = now - moment
    return duration(gap) if gap >= timedelta(0) else f"in {duration(-gap)}"


def on_the_clock(log: str, zone: tzinfo, form: str = "%Y-%m-%d %H:%M:%S %Z") -> str:
    """The log of a run with the times at the head of its own lines, which are in UTC, as a clock in `zone` shows them."""

    def told(found: re.Match[str]) -> str:
        try:
            moment = datetime.fromisoformat(f"{found[1]}+00:00")
        except ValueError:  # something else that a cell printed
            return found[0]
        return f"[{moment.astimezone(zone).strftime(form)}]"

    return _LOGGED.sub(told, log)


def duration(span: timedelta | float | None) -> str:
    """A span of time in at most two units: `0.4s`, `12s`, `3m05s`, `2h05m`, `4d15h`, `12d`; `-` where there is none."""
    if span is None:
        return "-"
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 1:
        return f"{max(seconds, 0):.1f}s"
    if seconds < 60:
        return f"{int(seconds)}s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m" if minutes >= 10 else f"{minutes}m{int(seconds % 60):02d}s"
    hours = minutes // 60
    if hours < 24:
        return f"{hours}h{minutes % 60:02d}m"
    days = hours // 24
    return f"{days}d" if days >= 10 else f"{days}d{hours % 24:02d}h"


def size(count: int | None) -> str:
    """Bytes in decimal units: `512 B`, `1.4 GB`; `-` where unknown."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def memory(count: int | None) -> str:
    """An amount of memory in the binary units of declarations: what `300M` asks for is `300 MB`; `-` where unknown."""
    if count is None:
        return "-"
    value, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 100 or value.is_integer() else f"{value:.1f} {unit}"


def plural(count: int, noun: str) -> str:
    """`1 run`, `3 runs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
