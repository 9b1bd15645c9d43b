"""The keys of a parameter: `parameters:` of a project, by notebook and name."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from workbench.declare.scalars import Line, Truth, free, wrong
from workbench.declare.schema.base import Keys, checked, choice, form
from workbench.model.parameter import WORDS

# As people write them who know them from elsewhere.
_ELSEWHERE = {"str": "text", "string": "text", "int": "integer", "float": "number", "double": "number", "bool": "boolean",
              "dict": "mapping", "logical": "boolean", "numeric": "number", "character": "text"}  # fmt: skip
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")


def _type(said: str) -> str:
    if said not in WORDS:
        meant = _ELSEWHERE.get(said)
        wrong(f"expected one of {', '.join(WORDS)}, found {said[:60]!r}", f"write {meant}" if meant else "")
    return said


def _notebook(said: str) -> str:
    path = said.removeprefix("./")
    if path.startswith(("/", "~")) or ".." in path.split("/"):
        wrong(f"{said[:80]!r} leads out of the project", "a path below the project's folder, as notebooks/report.ipynb")
    if "." not in path.rpartition("/")[2] and "*" not in path:
        wrong(
            f"{said[:80]!r} is no notebook",
            f'parameters are of one: notebooks/report.ipynb: {{{said[:40]}: …}}, or "*.ipynb": for all',
        )
    return path


def _name(said: str) -> str:
    if not _NAME.fullmatch(said):
        wrong(f"{said[:80]!r} is no name of a parameter", "letters, digits and _, beginning with a letter")
    return said


_ANY = WithJsonSchema({"x-form": "value"})
Free = Annotated[Any, BeforeValidator(free), _ANY]
TypeWord = Annotated[
    str,
    checked(_type),
    choice(*WORDS)[1],
]
NotebookName = Annotated[str, checked(_notebook), form("notebook", "notebooks/report.ipynb", "*.ipynb")]
ParameterName = Annotated[str, checked(_name), form("name", "region")]


class ParameterKeys(Keys):
    """A parameter of a notebook. A value or a list alone is short for `{default: …}`."""

    SHORT: ClassVar[str] = "default"
    SHORT_FORMS: ClassVar[list[str]] = ["string", "number", "boolean", "array"]

    type: TypeWord | None = Field(
        None, description="What its values are; seen from the default or the choices, where absent."
    )
    default: Free = Field(None, description="Its value where none is given; the notebook's own, where absent.")
    choices: list[Free] = Field(default=[], description="The values there are.", examples=[["north", "south"]])
    min: Free = Field(None, description="The least value of a number or date.")
    max: Free = Field(None, description="The largest value of a number or date.")
    help: Line = Field("", description="What it is, for people who fill it in.")
    required: Truth | None = Field(
        None, description="Whether it has to be given. True, where neither this nor the notebook has a default."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Any) -> Any:
        return {"default": data} if isinstance(data, list) else data
