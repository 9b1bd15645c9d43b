"""Settings of a home out of `workbench.yaml`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workbench.declare.problem import DeclarationError, Problem, Reading
from workbench.declare.reader import read
from workbench.declare.schema import SettingsKeys
from workbench.declare.schema.keep import keep_of
from workbench.declare.schema.notify import beat_of, mail_of, notify_of
from workbench.declare.validation import validate
from workbench.model.environment import Limits
from workbench.settings import Settings


def load_settings(source: Path | str) -> Reading[Settings]:
    """Settings out of a file or text. A missing file says nothing; keys with problems are left out of the value."""
    if isinstance(source, Path) and not source.exists() and not source.is_symlink():
        return Reading(Settings())
    try:
        document = read(source)
    except DeclarationError as error:
        return Reading(Settings(), error.problems)
    reading = validate(document, SettingsKeys)
    problems = reading.problems
    keys = reading.value
    if keys is None:
        # One bad line shall not take the limits and the engine of the others away.
        sound = {key: value for key, value in document.data.items() if not _touched(key, document.keys, problems)}
        keys = validate(replace(document, data=sound, problems=(), broken=frozenset()), SettingsKeys).value
    return Reading(_settings(keys) if keys else Settings(), problems)


def _touched(key: str, places: object, problems: tuple[Problem, ...]) -> bool:
    assert isinstance(places, dict)
    lines = sorted(place.line for keys, place in places.items() if len(keys) == 1)
    start = places[key,].line
    end = next((line for line in lines if line > start), None)
    return any(start <= problem.line and (end is None or problem.line < end) for problem in problems)


def _settings(keys: SettingsKeys) -> Settings:
    given = {name: value for name, value in keys.model_dump(exclude_unset=True).items() if value is not None}
    if "sizes" in given:
        given["sizes"] = {name: Limits(**said) for name, said in given["sizes"].items()}
    if "keep" in given:
        given["keep"] = keep_of(keys.keep)
    given.update(notify=notify_of(keys.notify), mail=mail_of(keys.mail), heartbeat=beat_of(keys.heartbeat))
    return Settings(**given)
