"""How a state looks: a glyph, a word and a tone, so that it reads without colour too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from workbench.model.build import BuildState
from workbench.model.run import RunState
from workbench.model.session import SessionState


class Tone(StrEnum):
    """What a piece of text means; themes decide how that looks."""

    PLAIN = "plain"
    MUTED = "muted"
    GOOD = "good"
    BUSY = "busy"
    WARN = "warn"
    BAD = "bad"
    STRONG = "strong"


STYLES: Mapping[Tone, str] = {
    Tone.PLAIN: "",
    Tone.MUTED: "$muted",
    Tone.GOOD: "$text-success",
    Tone.BUSY: "$text-accent",
    Tone.WARN: "$text-warning",
    Tone.BAD: "$text-error",
    Tone.STRONG: "bold",
}


@dataclass(frozen=True)
class Mark:
    """A state as it is shown: `● running`."""

    glyph: str
    word: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


@dataclass(frozen=True)
class Cell:
    """A piece of one line in a tone."""

    text: str
    tone: Tone = Tone.PLAIN


_RUNS: Mapping[RunState, tuple[str, Tone]] = {
    RunState.QUEUED: ("○", Tone.MUTED),
    RunState.WAITING: ("◌", Tone.WARN),
    RunState.RETRYING: ("↻", Tone.WARN),
    RunState.STARTING: ("◐", Tone.BUSY),
    RunState.RUNNING: ("●", Tone.BUSY),
    RunState.FINISHING: ("●", Tone.BUSY),
    RunState.CANCELLING: ("◐", Tone.WARN),
    RunState.SUCCEEDED: ("✓", Tone.GOOD),
    RunState.FAILED: ("✗", Tone.BAD),
    RunState.CANCELLED: ("–", Tone.MUTED),
    RunState.TIMED_OUT: ("✗", Tone.BAD),
    RunState.OUT_OF_MEMORY: ("✗", Tone.BAD),
    RunState.CRASHED: ("✗", Tone.BAD),
    RunState.INTERRUPTED: ("!", Tone.WARN),
}
_SESSIONS: Mapping[SessionState, tuple[str, Tone]] = {
    SessionState.QUEUED: ("○", Tone.MUTED),
    SessionState.PREPARING: ("◐", Tone.BUSY),
    SessionState.STARTING: ("◐", Tone.BUSY),
    SessionState.SPARE: ("◌", Tone.MUTED),
    SessionState.READY: ("●", Tone.GOOD),
    SessionState.STOPPING: ("◐", Tone.WARN),
    SessionState.STOPPED: ("–", Tone.MUTED),
    SessionState.FAILED: ("✗", Tone.BAD),
    SessionState.VANISHED: ("!", Tone.WARN),
}
_BUILDS: Mapping[BuildState, tuple[str, Tone]] = {
    BuildState.QUEUED: ("○", Tone.MUTED),
    BuildState.BUILDING: ("◐", Tone.BUSY),
    BuildState.READY: ("✓", Tone.GOOD),
    BuildState.FAILED: ("✗", Tone.BAD),
    BuildState.CANCELLED: ("–", Tone.MUTED),
}
_ENVIRONMENTS: Mapping[str, tuple[str, Tone]] = {
    "not built": ("○", Tone.MUTED),
    "queued": ("○", Tone.MUTED),
    "building": ("◐", Tone.BUSY),
    "ready": ("✓", Tone.GOOD),
    "failed": ("✗", Tone.BAD),
    "stale": ("~", Tone.WARN),
    "held": ("●", Tone.WARN),
    "active": ("●", Tone.GOOD),
    "invalid": ("✗", Tone.BAD),
}


def of_run(state: RunState) -> Mark:
    """The mark of a run's or an attempt's state."""
    glyph, tone = _RUNS[state]
    return Mark(glyph, state.replace("-", " "), tone)


def of_session(state: SessionState) -> Mark:
    """The mark of a session's state."""
    glyph, tone = _SESSIONS[state]
    return Mark(glyph, str(state), tone)


def of_build(state: BuildState) -> Mark:
    """The mark of a build's state."""
    glyph, tone = _BUILDS[state]
    return Mark(glyph, str(state), tone)


def of_environment(state: str) -> Mark:
    """The mark of an environment's state word."""
    glyph, tone = _ENVIRONMENTS.get(state, ("?", Tone.WARN))
    return Mark(glyph, state, tone)
