"""A `parameters` cell, read: names, types, defaults and help, without running it."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import tokenize
from collections.abc import Iterator
from typing import Any

from workbench.model.parameter import ANY, TYPES, Declared

_TYPES = frozenset(TYPES) - {"date"}  # what Python and R have literals for


def declared_in(source: str, language: str) -> list[Declared] | None:
    """What a `parameters` cell of `language` declares; None where it cannot be read."""
    if language.lower() in {"python", "ipython", "python3"}:
        return _python(source)
    if language.lower() in {"r", "julia", "octave", "matlab"}:
        return _assignments(source)
    return None


def _python(source: str) -> list[Declared] | None:
    # Magics and shell lines are no Python, and no parameters either.
    plain = "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.split("\n"))
    try:
        tree = ast.parse(plain)
        comments = _comments(plain)
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return None
    found: dict[str, Declared] = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            targets, annotation = [node.target], node.annotation
        elif isinstance(node, ast.Assign):
            targets, annotation = [one for one in node.targets if isinstance(one, ast.Name)], None
        else:
            continue
        comment = comments.get(node.end_lineno or 0, "")
        for target in targets:
            found[target.id] = _one(target.id, node.value, annotation, comment, plain)
    return list(found.values())


def _one(name: str, value: ast.expr | None, annotation: ast.expr | None, comment: str, source: str) -> Declared:
    match = re.match(r"type:\s*([^#]+?)\s*(?:#\s*(.*))?$", comment)
    if match and annotation is None:
        with contextlib.suppress(SyntaxError):
            annotation, comment = ast.parse(match[1].split("  ")[0], mode="eval").body, match[2] or ""
    default, literal = None, False
    if value is not None:
        with contextlib.suppress(ValueError, TypeError, SyntaxError, RecursionError):
            default, literal = _plain(ast.literal_eval(value)), True
    kind, optional, choices = _annotation(annotation)
    text = (ast.get_source_segment(source, value) or "") if value is not None else ""
    if annotation is None or kind == ANY:
        kind = _type_of(default) if literal and annotation is None else ANY
        optional = True
    annotated = annotation is not None
    optional = optional or (literal and default is None)
    items = _items(annotation) if kind == "list" else None
    source = " ".join(text.split())
    return Declared(name, kind, source, default, literal, comment, annotated, optional, choices, items=items)


def _annotation(node: ast.expr | None) -> tuple[str, bool, tuple[Any, ...]]:
    """Type, whether None is allowed, and the choices of a Literal."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return _annotation(ast.parse(node.value, mode="eval").body)
        except SyntaxError:
            return ANY, True, ()
    if isinstance(node, ast.Attribute):
        return _annotation(ast.Name(node.attr))
    if isinstance(node, ast.Name):
        kind = {"List": "list", "Dict": "dict", "Sequence": "list", "Mapping": "dict"}.get(node.id, node.id)
        return (kind, False, ()) if kind in _TYPES else (ANY, True, ())
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [side for side in (node.left, node.right) if not _is_none(side)]
        if len(sides) == 1:
            kind, _, choices = _annotation(sides[0])
            return kind, True, choices and (*choices, None)
        return ANY, True, ()
    return _subscript(node) if isinstance(node, ast.Subscript) else (ANY, True, ())


def _subscript(node: ast.Subscript) -> tuple[str, bool, tuple[Any, ...]]:
    base = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    if base == "Optional":
        kind, _, choices = _annotation(node.slice)
        return kind, True, choices and (*choices, None)
    if base != "Literal":
        return _annotation(node.value)
    try:
        values = ast.literal_eval(node.slice)
    except (ValueError, TypeError, SyntaxError):
        return ANY, True, ()
    choices = values if isinstance(values, tuple) else (values,)
    kinds = {_type_of(one) for one in choices}
    return (kinds.pop() if len(kinds) == 1 else ANY), None in choices, choices


def _items(node: ast.expr | None) -> Declared | None:
    """What each item of an annotated list is, as in `list[int]` or `Optional[list[str]]`; None where it may be anything."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        with contextlib.suppress(SyntaxError):
            return _items(ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.BinOp):
        return _items(node.right if _is_none(node.left) else node.left)
    if not isinstance(node, ast.Subscript):
        return None
    if _annotation(node.value)[0] != "list":
        return _items(node.slice)
    kind, optional, choices = _annotation(node.slice)
    return Declared("", kind, annotated=True, optional=optional, choices=choices) if kind != ANY or choices else None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _type_of(value: Any) -> str:
    name = type(value).__name__
    return name if name in _TYPES else ANY


def _plain(value: Any) -> Any:
    """A literal as JSON holds it; ValueError where it cannot."""
    if isinstance(value, tuple):
        value = list(value)
    json.dumps(value)
    return value


def _comments(source: str) -> dict[int, str]:
    """The text of trailing comments by line."""
    return {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip()
    }


_ASSIGNMENT = re.compile(r"\s*(?P<name>[A-Za-z.][\w.]*)\s*(?:<-|=)(?!=)\s*(?P<rest>.*)$")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*;?\s*(?:#\s*(?P<help>.*))?$""")
_PLAIN = re.compile(r"([^#]*?)\s*;?\s*(?:#\s*(?P<help>.*))?$")


def _assignments(source: str) -> list[Declared]:
    return list({one.name: one for one in _lines(source)}.values())


def _lines(source: str) -> Iterator[Declared]:
    for line in source.split("\n"):
        match = _ASSIGNMENT.match(line)
        if not match or line.lstrip().startswith("#"):
            continue
        value = _QUOTED.match(match["rest"]) or _PLAIN.match(match["rest"])
        if value is None:
            continue
        default, literal, kind = _r_value(value[1].strip())
        yield Declared(match["name"], kind, value[1].strip(), default, literal, (value["help"] or "").strip())


def _r_value(text: str) -> tuple[Any, bool, str]:
    words: dict[str, Any] = {"TRUE": True, "T": True, "true": True, "FALSE": False, "F": False, "false": False}
    if text in words:
        return words[text], True, "bool"
    if text in {"NULL", "NA", "nothing"}:
        return None, True, ANY
    if re.fullmatch(r"[+-]?\d+L?", text):
        return int(text.rstrip("L")), True, "int" if text.endswith("L") else "float"
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return float(text), True, "float"
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1], "\\" not in text, "str"
    return None, False, "list" if re.match(r"c\((?!.*\w\s*=)|\[", text) else ANY  # R's named ones are mappings too
