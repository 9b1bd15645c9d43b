"""Ports that programs inside of a session listen on, as they are declared."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from workbench.declare.scalars import Line, text, wrong
from workbench.declare.schema.base import Keys
from workbench.model.forward import MOST, Port


def _port(value: object) -> int:
    said = text(value)
    if not re.fullmatch(r"\d{1,5}", said, re.ASCII) or not 0 < int(said) < 65536:
        wrong(f"{said[:60]!r} is no port", "a number from 1 to 65535, as the program inside listens on")
    return int(said)


class PortKeys(Keys):
    """A port that a program inside listens on. A number alone is short for `{port: …}`."""

    SHORT: ClassVar[str] = "port"
    SHORT_FORMS: ClassVar[list[str]] = ["integer", "string"]

    port: Annotated[int, BeforeValidator(_port), WithJsonSchema({"type": "integer", "x-form": "port"})] = Field(
        description="Its number inside.", examples=[8000]
    )
    title: Line = Field("", description="What people see beside it.", examples=["API"])


Ports = Annotated[list[PortKeys], Field(max_length=MOST)]


def ports_of(keys: list[PortKeys]) -> tuple[Port, ...]:
    """As they stand in the model."""
    return tuple(Port(one.port, one.title) for one in keys)
