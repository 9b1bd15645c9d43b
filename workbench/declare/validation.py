"""A document checked against its keys; what pydantic says becomes problems at their places."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from workbench.declare.problem import Problem, Reading
from workbench.declare.reader import Document
from workbench.declare.scalars import kind
from workbench.declare.schema import POLICY, POLICY_HINT, Keys
from workbench.model.sizes import Machine

K = TypeVar("K", bound=Keys)


def validate(document: Document, keys: type[K], machine: Machine | None = None) -> Reading[K]:
    """`document` as an instance of `keys`, or every problem in it, those of its structure included."""
    try:
        value = keys.model_validate(document.data, context={"machine": machine})
    except ValidationError as error:
        found = [
            _problem(document, keys, details)
            for details in error.errors(include_url=False)
            if not _inside_broken(document, details)
        ]
        return Reading(None, tuple(sorted({*document.problems, *found})))
    return Reading(None if document.problems else value, document.problems)


def _inside_broken(document: Document, details: ErrorDetails) -> bool:
    """Whether the place holds what the person did not write: the reader has said what is wrong there."""
    loc = details["loc"]
    return any(loc[: len(keys)] == keys for keys in document.broken)


def _problem(document: Document, root: type[Keys], details: ErrorDetails) -> Problem:
    loc, error = details["loc"], details["type"]
    if loc and loc[-1] == "[key]":
        return document.problem(loc[:-1], _words(details), _hint(details), at_key=True)
    if error == "extra_forbidden":
        message, hint = _unknown(_model_at(root, loc[:-1]), str(loc[-1]), details["input"])
        return document.problem(loc, message, hint, at_key=True)
    if error == "missing":
        return document.problem(loc[:-1], f"missing key {loc[-1]!r}")
    return document.problem(loc, _words(details), _hint(details))


def _words(details: ErrorDetails) -> str:
    found = kind(details["input"])
    wanted = {"list_type": "a list", "dict_type": "a mapping (`key: value` lines)", "string_type": "text"}
    if details["type"] in wanted:
        return f"expected {wanted[details['type']]}, found {found}"
    if details["type"] in ("greater_than_equal", "less_than_equal"):
        bound = details.get("ctx", {})
        limit = f"at least {bound['ge']}" if "ge" in bound else f"at most {bound['le']}"
        return f"{details['input']} is out of range: {limit}"
    if details["type"] == "too_long":
        return "at most {max_length} entries may stand here, not {actual_length}".format(**details["ctx"])
    return details["msg"]


def _hint(details: ErrorDetails) -> str:
    if details["type"] == "list_type" and isinstance(details["input"], str):
        return f"write [{details['input']}]"
    return str(details.get("ctx", {}).get("hint", ""))


def _unknown(model: type[Keys], key: str, value: object) -> tuple[str, str]:
    """Message and hint for a key that is not read."""
    if key in POLICY or "docker.sock" in str(value):
        return f"{key!r} is refused by policy", POLICY_HINT
    if key in model.LATER:
        return f"{key!r} is not in this version yet", model.LATER[key]
    known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    close = get_close_matches(key, known, 1, 0.6)
    if close:
        return f"unknown key {key!r}", f"did you mean {close[0]!r}?"
    for name, annotation in known.items():
        inner = _model_in(annotation)
        if inner and key in inner.model_fields:
            return f"unknown key {key!r}", f"it belongs under `{name}:`"
    return f"unknown key {key!r}", f"known are: {', '.join(known)}"


def _model_at(root: type[Keys], loc: tuple[int | str, ...]) -> type[Keys]:
    """The keys that hold at `loc`."""
    model = root
    for step in loc:
        by_name: Mapping[str, Any] = {
            field.alias or name: field.annotation for name, field in model.model_fields.items()
        }
        inner = _model_in(by_name.get(str(step)))
        model = inner or model
    return model


def _model_in(annotation: Any) -> type[Keys] | None:
    if isinstance(annotation, type) and not get_origin(annotation) and issubclass(annotation, Keys):
        return annotation
    if get_origin(annotation) in (list, dict, Union, UnionType, Annotated):
        return next((inner for inner in map(_model_in, get_args(annotation)) if inner), None)
    return None
