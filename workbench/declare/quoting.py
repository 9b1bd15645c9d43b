"""What a person most likely meant where YAML stumbled: usually a value that needs quotes."""

from __future__ import annotations

import re

# `key: ` and list dashes before a value; the value and a comment behind it.
_LINE = re.compile(
    r"^(?P<lead>\s*(?:- +)*(?:(?P<key>[^\s:#'\"{\[][^:#]*?|'[^']*'|\"[^\"]*\")\s*:[ \t]+)?)(?P<value>\S.*)$"
)
_COMMENT = re.compile(r"\s+#.*$")
# Texts inside `{…}` or `[…]` that YAML takes for syntax: templates, references, cron fields, macros, formats.
_INSIDE = re.compile(r"\$\{[^{}]*\}|\{\{.*?\}\}|(?<=[\[{,:])\s*(?P<bare>[*@%`&!][^,\]}]*)")
_QUOTED = re.compile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^']|'')*'")
# What libyaml counts as the end of a line.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def lines_of(text: str) -> list[str]:
    """The lines of `text` as the parser counts them, without their ends."""
    return _BREAK.split(text)


def line_of(text: str, number: int) -> str:
    """Line `number` (from 1) of `text`; empty where there is none."""
    lines = lines_of(text)
    return lines[number - 1] if 0 < number <= len(lines) else ""


def explain(text: str, line: int, column: int, said: str, context: int | None = None) -> tuple[int, int, str, str]:
    """`(line, column, message, hint)` for what the parser `said` at a place, both from 1.

    `context` is the line where the thing began that the parser could not finish.
    """
    lines = lines_of(text)
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: max(column, 1)] and not here[: column - 1].strip():
        return line, here.index("\t") + 1, "a tab where YAML wants spaces", "indent with spaces"
    for number in dict.fromkeys((line, *([context] if context else []), line - 1)):
        if 1 <= number <= len(lines):
            found = _unquoted(lines[number - 1])
            if found:
                start, value = found
                return number, start + 1, f"YAML cannot read {value} as text", f"put quotes round it: {quoted(value)}"
    if "',' or" in said and context:
        bracket = "[" if "]" in said else "{"
        return line, column, f"the {bracket} opened on line {context} is not closed before this", ""
    if "quoted scalar" in said or "end of stream" in said or "stream end" in said:
        return line, column, "a quote or bracket is opened and never closed", ""
    return line, column, f"YAML syntax: {_plainly(said)}", ""


def quoted(value: str) -> str:
    """`value` as a YAML string in quotes, on one line."""
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def _unquoted(line: str) -> tuple[int, str] | None:
    """Column (from 0) and text of the value on this line that needs quotes; None where nothing looks so."""
    match = _LINE.match(line)
    if not match or line.lstrip().startswith("#"):
        return None
    value = _COMMENT.sub("", match["value"]).rstrip()
    start = match.start("value")
    if not value or value[0] in "'\"|>":
        return None
    if value.startswith("{{") or value[0] in "*&!%@`":
        return start, value
    if value[0] in "[{" and (match["key"] or "-" in match["lead"]):
        inside = _INSIDE.search(_QUOTED.sub(lambda found: "x" * len(found[0]), value))
        if inside:
            begin, end = inside.span("bare" if inside["bare"] else 0)
            return start + begin, value[begin:end].strip()
        tail = value.rstrip()[-1]
        closed = {"[": "]", "{": "}"}[value[0]]
        return (start, value) if closed in value and tail != closed else None
    if match["key"] and re.search(r":(\s|$)", value):
        return start, value
    return None


def _plainly(said: str) -> str:
    known = {
        "mapping values are not allowed in this context": "a `:` where no key can be; check the indentation",
        "mapping values are not allowed here": "a `:` where no key can be; check the indentation",
        "did not find expected key": "expected `key: value`; check the indentation",
        "could not find expected ':'": "expected `:` after a key",
        "did not find expected '-' indicator": "expected `-`, as the lines above; check the indentation",
        "did not find expected <document start>": "text outside of the mapping; check the indentation",
    }
    if said.startswith("expected <"):  # PyYAML's own parser, which names its tokens
        return "the lines do not fit together; check the indentation"
    return known.get(said, said)
