"""What an image was made of, kept in its label, so that the next one is built on top of it where only more is wanted.

The label holds digests, never the lines themselves: those may name addresses with passwords, and every user of the
engine reads labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.engines.base import LABEL
from workbench.engines.docker.images.bases import Base
from workbench.model.environment import EnvironmentSpec

MADE_OF = f"{LABEL}made-of"
MOST = 8  # layers of additions; the next revision is built whole again
_GROWING = {"python": "packages", "r": "packages"}  # keys of the shape that additions may be made to, beside `apt`


@dataclass(frozen=True)
class Ingredients:
    """`kin` is the digest of all that has to be the same; `parts` the digests of what there may be more of, by kind;
    `layers` counts the additions that lie on top of each other."""

    kin: str
    parts: Mapping[str, frozenset[str]]
    layers: int = 0

    @property
    def label(self) -> str:
        """As the value of a label."""
        parts = {kind: sorted(digests) for kind, digests in self.parts.items()}
        return json.dumps({"kin": self.kin, "layers": self.layers, **parts}, separators=(",", ":"))

    @classmethod
    def read(cls, label: str | None) -> Ingredients | None:
        """The reverse of `label`; None for what cannot be read."""
        try:
            data = json.loads(label or "")
            kin, layers = str(data.pop("kin")), int(data.pop("layers"))
            return cls(kin, {kind: frozenset(map(str, digests)) for kind, digests in data.items()}, layers)
        except (ValueError, TypeError, AttributeError, KeyError):
            return None


@dataclass(frozen=True)
class Addition:
    """What a declaration has more than an image: the lines themselves."""

    apt: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    r: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is something to install."""
        return bool(self.apt or self.python or self.r)


@dataclass(frozen=True)
class Footing:
    """An image to build on: `reference` names it, `pins` are the Python packages in it as `name==version`."""

    reference: str
    layers: int
    addition: Addition
    pins: tuple[str, ...] = ()


def everything(spec: EnvironmentSpec) -> Addition:
    """All that is declared."""
    return Addition(**_lines(spec))


def ingredients(spec: EnvironmentSpec, recipe: int, bases: Mapping[str, Base], layers: int = 0) -> Ingredients:
    """What an image of `spec` is made of; `recipe` is the form of the Dockerfile, `bases` what it starts from."""
    shape: dict[str, Any] = {
        key: value for key, value in spec.shape.items() if key not in {"env", "apt", "ides", "locked"}
    }
    for key, growing in _GROWING.items():
        if isinstance(shape.get(key), dict):
            shape[key] = {name: value for name, value in shape[key].items() if name != growing}
    kin = _digest(json.dumps([recipe, [base.pinned for base in bases.values()], shape], sort_keys=True))
    return Ingredients(kin, {kind: frozenset(map(_digest, lines)) for kind, lines in _lines(spec).items()}, layers)


def addition(old: Ingredients | None, new: Ingredients, spec: EnvironmentSpec) -> Addition | None:
    """What `spec`, made of `new`, adds to an image made of `old`; None where it is not additions alone, or too many."""
    if old is None or old.kin != new.kin or old.layers >= MOST:
        return None
    if more_than_packages(spec):
        return None
    if new.parts["python"] and not old.parts.get("python") and not spec.image:  # which has no venv
        return None
    if any(old.parts.get(kind, frozenset()) - digests for kind, digests in new.parts.items()):
        return None
    return Addition(
        **{
            kind: tuple(line for line in lines if _digest(line) not in old.parts.get(kind, ()))
            for kind, lines in _lines(spec).items()
        }
    )


def tools(spec: EnvironmentSpec) -> tuple[str, ...]:
    """What a venv of ours has beside what is declared: a kernel, and what the IDEs need."""
    names = spec.needs.python
    return () if spec.image or not (spec.python or names) else ("ipykernel", *names)


def more_than_packages(spec: EnvironmentSpec) -> bool:
    """Whether something of the image comes after its packages, or they by another tool."""
    python, r = spec.python, spec.r
    return bool(
        spec.conda or spec.dockerfile or spec.post_build or spec.start or spec.context
        or (python and (python.lock or python.local))
        or (r and (r.lock or r.script or r.local))
    )  # fmt: skip


def _lines(spec: EnvironmentSpec) -> dict[str, tuple[str, ...]]:
    """What is to be installed, by kind."""
    return {
        "apt": tuple(sorted({*spec.apt, *spec.needs.apt})),
        "python": tuple(dict.fromkeys((*tools(spec), *(spec.python.packages if spec.python else ())))),
        "r": tuple(sorted({*spec.r.packages, *spec.needs.r})) if spec.r else (),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]
