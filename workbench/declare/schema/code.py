"""The keys of `code:` in a schedule."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from workbench.declare.scalars import Truth, wrong
from workbench.declare.schema.base import Keys, checked, form
from workbench.errors import Refused
from workbench.model.code import AS_IT_IS, Code, code


def _known(said: str) -> str:
    try:
        return code(said).what
    except Refused as error:
        wrong(error.message, error.hint)


class CodeKeys(Keys):
    """Which files of the project a run sees. A word alone is short for `{ref: …}`."""

    SHORT: ClassVar[str] = "ref"

    ref: Annotated[
        str, checked(_known), form("`live`, `frozen`, or a branch, tag or commit", "live", "frozen", "main")
    ] = Field(description="`live`: the folder as it is; `frozen`: as it was when the run was due; else of that commit.")
    fetch: Truth = Field(False, description="Whether the repository's remote is asked for it first.")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        try:
            code(self.ref, fetch=self.fetch)
        except Refused as error:
            wrong(error.message, error.hint)
        return self

    @model_validator(mode="before")
    @classmethod
    def _number(cls, data: Any) -> Any:
        """A commit of digits alone is a number to YAML."""
        return str(data) if isinstance(data, int) and not isinstance(data, bool) else data


def code_of(keys: CodeKeys | None) -> Code:
    """What was declared; live for nothing."""
    return code(keys.ref, fetch=keys.fetch) if keys else AS_IT_IS
