"""A declared schedule as the store keeps it: its values as JSON, those that are usual left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from sys import intern
from typing import Any

from workbench.model.delivery import Delivery
from workbench.model.notice import Notify, Occasion
from workbench.model.retention import Keep
from workbench.model.schedule import CatchUp, Overlap, ScheduleSpec
from workbench.model.terms import Terms

_ELSEWHERE = frozenset({"project", "name", "source", "digest"})
_USUAL = {
    field.name: field.default_factory() if field.default_factory is not MISSING else field.default
    for field in fields(ScheduleSpec)
    if field.name not in _ELSEWHERE
}
_WORDS = ("timezone", "notebook", "environment")  # shared by many


def to_json(spec: ScheduleSpec) -> str:
    """All of `spec` but where it stands; empty where it has values that JSON does not give back as they are."""
    values = {name: getattr(spec, name) for name in _USUAL}
    said = {name: value for name, value in values.items() if value != _USUAL[name]}
    if spec.keep:
        said["keep"] = asdict(spec.keep)
    if spec.terms != Terms():
        said["terms"] = spec.terms.to_json()
    if spec.deliver:
        said["deliver"] = [asdict(one) for one in spec.deliver]
    if spec.notify:
        targets = {str(occasion): list(told) for occasion, told in spec.notify.targets.items()}
        said["notify"] = {**asdict(spec.notify), "targets": targets}
    if spec.tags:
        said["tags"] = list(spec.tags)
    return json.dumps(said) if _plain(said) else ""


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float)


def _notify(values: dict[str, Any]) -> Notify:
    targets = {Occasion(occasion): tuple(told) for occasion, told in values["targets"].items()}
    return Notify(**{**values, "targets": targets})


_READ: dict[str, Callable[[Any], Any]] = {
    "overlap": Overlap,
    "catch_up": CatchUp,
    "keep": lambda said: Keep(**said),
    "terms": Terms.from_json,
    "deliver": lambda said: tuple(Delivery(**one) for one in said),
    "tags": tuple,
    "notify": _notify,
}


def from_json(text: str, project: str, name: str, source: Path, digest: str) -> ScheduleSpec | None:
    """The reverse of `to_json`; None of nothing, or where another version of the program wrote it."""
    try:
        values: dict[str, Any] = json.loads(text)
        for word in _WORDS:
            if word in values:
                values[word] = intern(values[word])
        values |= {name: read(values[name]) for name, read in _READ.items() if name in values}
        known = {name: value for name, value in values.items() if name in _USUAL}
        return ScheduleSpec(project=project, name=name, source=source, digest=digest, **known)
    except (ValueError, TypeError, KeyError):
        return None
