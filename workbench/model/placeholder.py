"""`${due - 1 day}` in a schedule's parameters: the due time, moved and written as the person asks.

${due}                      2026-01-02, the day it is due in the schedule's zone
${due - 1 day}              the day before; units: minute hour day week month
${due:%Y-%m-%dT%H:%M}       written by strftime(3)
${due - 1 month:%Y-%m}      both
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from workbench.errors import Refused
from workbench.text import one_line

UNITS = ("minute", "hour", "day", "week", "month")
_MARK = re.compile(r"\$\{([^{}]*)\}")
_DUE = re.compile(rf"\s*due\s*(?:([+-])\s*(\d{{1,5}})\s*({'|'.join(UNITS)})s?\s*)?(?::(.*))?", re.ASCII)
_HINT = 'As "${due}", "${due - 1 day}" or "${due - 1 month:%Y-%m}".'


def expanded(parameters: Mapping[str, Any], due: datetime) -> dict[str, Any]:
    """`parameters` with every placeholder in its texts written out; `due` is aware, in the schedule's zone.

    Raises `Refused` for `${…}` that is no due time. `$${` stays as `${`.
    """
    return {name: _value(value, due, name) for name, value in parameters.items()}


def _value(value: Any, due: datetime, name: str) -> Any:
    if isinstance(value, str):
        parts = value.split("$${")
        return "${".join(_MARK.sub(lambda mark: _written(mark[1], due, name), part) for part in parts)
    if isinstance(value, Mapping):
        return {key: _value(item, due, name) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, due, name) for item in value]
    return value


def _written(inside: str, due: datetime, name: str) -> str:
    found = _DUE.fullmatch(inside)
    if not found:
        raise Refused(f"parameter {name}: ${{{one_line(inside, 60)}}} is no due time", hint=_HINT)
    sign, count, unit, form = found.groups()
    moment = due
    if sign:
        number = int(count) * (-1 if sign == "-" else 1)
        try:
            moment = _months(due, number) if unit == "month" else _moved(due, number, unit)
        except (OverflowError, ValueError) as error:
            raise Refused(f"parameter {name}: ${{{inside}}} is outside of the calendar", hint=_HINT) from error
    return moment.strftime(form) if form else f"{moment:%Y-%m-%d}"


def _moved(due: datetime, number: int, unit: str) -> datetime:
    """Days and weeks by the calendar, hours and minutes by the clock's own run."""
    if unit in ("day", "week"):
        return due + timedelta(days=number * (7 if unit == "week" else 1))
    seconds = number * (3600 if unit == "hour" else 60)
    return datetime.fromtimestamp(due.timestamp() + seconds, due.tzinfo)


def _months(due: datetime, number: int) -> datetime:
    year, month = divmod(due.year * 12 + due.month - 1 + number, 12)
    return due.replace(year=year, month=month + 1, day=min(due.day, calendar.monthrange(year, month + 1)[1]))
