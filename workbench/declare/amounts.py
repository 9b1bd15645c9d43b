"""How much of the machine a declaration asks for: cores, memory, graphics processors."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from workbench.declare.scalars import text, wrong
from workbench.model.sizes import Machine

# Binary units, as Docker's --memory has them.
UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
LEAST_MEMORY = 16 * 1024**2
ALL = "all"  # of the machine


def machine(info: ValidationInfo) -> Machine:
    """The machine to check against: the one that was passed in, else this one."""
    given = (info.context or {}).get("machine")
    return given if isinstance(given, Machine) else Machine.this()


def _cpus(value: object, info: ValidationInfo) -> float:
    said = text(value)
    if said == ALL:
        return float(machine(info).cpus)
    if not re.fullmatch(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})", said, re.ASCII):
        wrong(f"expected a number of cores, found {said!r}", "as 2, 0.5 or all")
    count, cores = float(said), machine(info).cpus
    if not 0.01 <= count <= cores:
        wrong(f"cpus {said} is out of range", f"this machine has {cores}: from 0.01 to {cores}")
    return count


def _memory(value: object, info: ValidationInfo) -> int:
    said = text(value)
    if said == ALL and machine(info).memory:
        return machine(info).memory
    match = re.fullmatch(r"(\d{1,9})([KMGT])", said, re.ASCII)
    if not match:
        loose = re.fullmatch(r"(\d{1,9})\s*([kmgt])(?:i?b)?", said, re.ASCII | re.IGNORECASE)
        if loose:
            wrong(f"size {said!r} is not in a form that is read", f"write {loose[1]}{loose[2].upper()}")
        bare = re.fullmatch(r"\d{1,9}", said, re.ASCII)
        if bare:
            wrong(f"size {said!r} has no unit: {said} of what?", f"write {said}G or {said}M")
        wrong(f"expected a size with its unit, found {said!r}", "as 4G or 512M")
    count, have = int(match[1]) * UNITS[match[2]], machine(info).memory
    if count < LEAST_MEMORY:
        wrong(f"size {said} is too small", "at least 16M")
    if have and count > have:
        wrong(f"size {said} is more than there is", f"this machine has {have // UNITS['M']}M")
    return count


def _gpus(value: object) -> int | str:
    said = text(value)
    if said == ALL:
        return ALL
    if not re.fullmatch(r"\d{1,2}", said, re.ASCII):
        wrong(f"expected a number of graphics processors, found {said[:60]!r}", "as 1 or all")
    return int(said)


Cpus = Annotated[
    float,
    BeforeValidator(_cpus),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0.01, "x-form": "number of cores", "examples": [2, 0.5]}),
]
Memory = Annotated[
    int,
    BeforeValidator(_memory),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]+[KMGT]|all)$", "x-form": "size", "examples": ["4G", "512M"]}),
]
Gpus = Annotated[
    int | str,
    BeforeValidator(_gpus),
    WithJsonSchema({"type": ["integer", "string"], "x-form": "number, or `all`", "examples": [1, "all"]}),
]
