"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How a finding is to be taken; only a problem makes `doctor` fail."""

    OK = "ok"
    NOTICE = "notice"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: `about` what, how it is, and what to do about it."""

    about: str
    level: Level
    text: str
    remedy: str = ""


def ok(about: str, text: str) -> Finding:
    """It is well."""
    return Finding(about, Level.OK, text)


def notice(about: str, text: str, remedy: str = "") -> Finding:
    """It works, and the person should know."""
    return Finding(about, Level.NOTICE, text, remedy)


def problem(about: str, text: str, remedy: str = "") -> Finding:
    """It does not work."""
    return Finding(about, Level.PROBLEM, text, remedy)
