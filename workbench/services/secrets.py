"""Secrets: which there are, which are wanted, and setting them. No value is ever given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import NotFound, Refused
from workbench.model.environment import EnvironmentSpec
from workbench.redaction import ANYWHERE, SHORTEST
from workbench.services.bench import Bench
from workbench.services.declared import catalogue
from workbench.services.supervision import control
from workbench.store import events
from workbench.vault import Vault, check_name, read, service_of

if TYPE_CHECKING:
    from workbench.declare import Problem


@dataclass(frozen=True)
class SecretView:
    """A secret for lists: set, or only wanted by environments. `changed` is None where it is not set; `kept`: in a file
    or the keyring."""

    name: str
    changed: datetime | None
    environments: tuple[str, ...] = ()
    kept: str = ""

    @property
    def state(self) -> str:
        """`set`, or `missing` where an environment names it and it has no value."""
        return "set" if self.changed else "missing"


def listing(bench: Bench) -> list[SecretView]:
    """All that are set or named by an environment, by name."""
    vault = Vault(bench.home.secrets)
    users: dict[str, list[str]] = {name: [] for name in vault.names()}
    for reading in catalogue.readings(bench).values():
        for name in reading.value.secrets if reading.value else ():
            users.setdefault(name, []).append(reading.value.name if reading.value else "")
    there = vault.names()
    return [
        SecretView(name, vault.changed(name), tuple(users[name]), "keyring" if service_of(vault.path(name)) else "file")
        if name in there
        else SecretView(name, None, tuple(users[name]))
        for name in sorted(users)
    ]


def put(bench: Bench, name: str, value: str) -> None:
    """Set a secret. One end of line at the end is not part of it. Raises `Refused` for what cannot be one."""
    keyring = f"workbench {bench.home.id}" if bench.settings.secrets == "keyring" else ""
    Vault(bench.home.secrets, keyring).set(name, value.removesuffix("\n").removesuffix("\r"))
    _tell(bench, name, "set")


def remove(bench: Bench, name: str) -> SecretView:
    """Take a secret away; what it was for, for a word to the person. Raises `NotFound`."""
    vault = Vault(bench.home.secrets)
    view = get(bench, name)
    if not vault.remove(name):
        raise NotFound("secret", name, vault.names())
    _tell(bench, name, "removed")
    return view


def get(bench: Bench, name: str) -> SecretView:
    """One that is set or named by an environment. Raises `NotFound`."""
    known = {one.name: one for one in listing(bench)}
    if name not in known:
        raise NotFound("secret", name, known)
    return known[name]


def missing(bench: Bench, spec: EnvironmentSpec) -> tuple[str, ...]:
    """Secrets that an environment names and nobody has set."""
    return tuple(sorted(set(spec.secrets) - Vault(bench.home.secrets).names())) if spec.secrets else ()


def check(bench: Bench, spec: EnvironmentSpec) -> None:
    """Raise `Refused` where something of this environment could not start for want of a secret."""
    names = missing(bench, spec)
    if names:
        raise Refused(not_set(names, spec.name), title="secrets", hint=how_to_set(names))


def keep_out(bench: Bench, spec: EnvironmentSpec, parameters: Mapping[str, Any]) -> None:
    """Raise `Refused` where a parameter holds the value of a secret of this environment: parameters are kept, and shown.

    Values in the keyring are not asked for."""
    texts = {name: found for name, value in parameters.items() if (found := list(_texts(value)))}
    if not texts or not spec.secrets:
        return
    vault = Vault(bench.home.secrets)
    for secret in spec.secrets:
        for line in _lines(vault, secret):
            for name, found in texts.items():
                if any(line in one if len(line) >= ANYWHERE else line == one for one in found):
                    raise Refused(
                        f"parameter {name} holds the value of the secret {secret}: parameters are kept with each run",
                        hint=f"The notebook finds it as the variable {secret}.",
                    )


def _lines(vault: Vault, name: str) -> list[str]:
    """The lines of a secret that is in a file, but for those that are in every text."""
    path = vault.path(name)
    try:
        value = "" if service_of(path) else read(path)
    except (OSError, UnicodeDecodeError):
        return []
    return [line for one in value.splitlines() if len(line := one.strip()) >= SHORTEST]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= SHORTEST:
            yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def not_set(names: Sequence[str], environment: str) -> str:
    """What is wrong, in a sentence."""
    one = len(names) == 1
    listed = f"secret {names[0]}" if one else f"secrets {', '.join(names)}"
    return f"{listed} of environment {environment} {'is' if one else 'are'} not set"


def how_to_set(names: Sequence[str]) -> str:
    """What to do about it."""
    return f"Set {'it' if len(names) == 1 else 'each'}: workbench secrets set {names[0]}"


def notice(bench: Bench, spec: EnvironmentSpec) -> tuple[Problem, ...]:
    """A notice at the declaration's `secrets:` for those that are not set."""
    names = missing(bench, spec)
    if not names or spec.source is None:
        return ()
    from workbench.declare import problem_at

    what = f"{not_set(names, spec.name)}, so nothing of it starts"
    hint = f"workbench secrets set {names[0]}"
    return (problem_at(spec.source, ("secrets",), what, hint, notice=True),)


def _tell(bench: Bench, name: str, what: str) -> None:
    check_name(name)
    with bench.store.write() as connection:
        events.append(connection, bench.now(), "secret", name, what, bench.actor)
    control.wake(bench)
