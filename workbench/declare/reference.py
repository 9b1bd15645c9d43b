"""docs/yaml.md: every key of every kind of declaration, written from the schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from workbench.declare.composer import MAX_DEPTH
from workbench.declare.reader import MAX_BYTES
from workbench.declare.schema import KINDS
from workbench.model.names import SLUG_RULE
from workbench.model.placeholder import UNITS, Moments, expanded

_EXAMPLES = {
    "environment": """\
extends: python
title: Sales, with the warehouse driver
python:
  packages: ["pandas>=2.2", psycopg]
apt: [libpq5]
env:
  PGHOST: db.acme.example
limits: {cpus: 2, memory: 4G}
""",
    "ide": """\
title: Sales dashboard
command: [python, -m, dashboard, --listen, "{host}:{port}", "{file}"]
port: 8050
opens: ["*.toml"]
finds: [dashboard.toml]
needs: {python: [acme-dashboard]}
""",
    "project": """\
description: Sales by region
environment: sales
parameters:
  notebooks/report.ipynb:
    region: {choices: [north, south], help: where}
    month: {type: date, required: true}
    rows: 100
data:
  - /warehouse/sales
  - {path: /srv/reports, as: reports, write: true}
""",
    "schedule": """\
notebook: notebooks/report.ipynb
cron: 30 6 * * mon-fri
timezone: Europe/Berlin
parameters: {region: north, date: "${due - 1 day}"}
timeout: 45m
retries: 1
""",
    "settings": """\
timezone: Europe/Berlin
concurrency: 4
engine: auto
""",
}
_BELOW = {
    "schedule": """\
### References in parameters

In texts of `parameters:`, also inside lists and mappings, `${…}` stands for what is known when the run is asked for, on
the clock and calendar of the schedule's zone. It is text; where nothing else stands beside it `${run}` is a number, and so are
digits where a number is declared. Put it in quotes. What it stood for is kept with the run, so that running it again gives the same.

| written | for run 41, due on 2 March 2026, 06:30 | |
|---|---|---|
@examples@

`due` and the days around it, `today` and `now` (when the run was asked for: later than `due` where a time is made up
for), `previous_success` (the due time of the schedule's newest run before this one that succeeded; of one beside its
times, when that started) and `run`. A time may be moved, with `-` or `+`, by whole numbers of @units@:
by the calendar, so that a month before 31 March is the last day of February, and the end of a month stays one; minutes
and hours by the clock's own run. What stands behind `:` is a format of strftime(3), `%Y-%m-%d` unless given. What stands
behind `|` is for where there is none yet. `$${` is `${` itself. Anything else in such braces is refused, by
`workbench check` too.

`workbench run NOTEBOOK` takes the same, on the home's clock, but for `due` and `previous_success` without an alternative.
`workbench schedules now PROJECT/NAME` takes the present for `due`.

### The environment of the kernel

| variable | |
|---|---|
| `WORKBENCH_RUN`, `WORKBENCH_ATTEMPT` | the run's id, and which try it is |
| `WORKBENCH_PROJECT`, `WORKBENCH_NOTEBOOK` | the project's folder, and the notebook in it |
| `WORKBENCH_SCHEDULE` | `project/name` of the schedule |
| `WORKBENCH_DUE`, `WORKBENCH_PREVIOUS_SUCCESS` | those times, as `2026-03-02T06:30:00+01:00` |
| `WORKBENCH_GROUP` | the group of a sweep, as `g7` |
| `WORKBENCH_PARAM_region` | each parameter given, by its name: text as it is, all else as JSON; up to 32 kB each |
""",
}
_MARKS = {
    "${due}": "the day",
    "${due - 1 day}": "the day before",
    "${due:%d.%m.%Y}": "another format",
    "${due - 1 month:%Y-%m}": "the month before, as year and month",
    "${due:%Y-%m-%dT%H:%M}": "day and time",
    "${month_start - 1 month}": "first day of the month before; also `week_start`, `quarter_start`, `year_start`",
    "${month_end - 1 month}": "its last day; also `week_end`, `quarter_end`, `year_end`",
    "${previous_success}": "day of the last success",
    "${previous_success:%d.%m.%Y | never}": "with what stands where there is none",
    "sales-${due - 7 days:%Y%m%d}-${run}.csv": "in the middle of a text",
    "$${due}": "no reference, but these characters",
}
_INTRO = f"""\
# YAML reference

<!-- Written by `python -m workbench.declare.schemas --write` from workbench/declare/schema/; edit that. -->

A declaration is a small YAML file that people edit, diff and commit. The file's name is the thing's name:
{SLUG_RULE}. `workbench check` reads all of them and prints every problem with its file, line and column.

## How values are read

- A value without quotes is the text it is: `no` is the word no, `3.10` is the version 3.10, `22:22` and `2026-01-31`
  stay as written. Where a key takes a number, a size or true/false, the text is read as that, and nothing is guessed:
  true and false are spelled `true` and `false`.
- Sizes have a unit, in powers of 1024 as Docker has them: `512M`, `4G`. Durations too: `30s`, `45m`, `2h`, `1h30m`, `1d`.
- Quotes are needed where a value begins with one of ``* & ! % @ ` {{ [`` or has `: ` or ` #` in it: `cron: "*/15 * * * *"`,
  `cron: "@daily"`, `date: "${{due}}"`.
- In `parameters:` values without quotes are read by the rules of YAML 1.2: `true`, `false`, `null`, whole and decimal
  numbers. All else is text: dates, `no`, and numbers with leading zeros such as `007`.
- A key with nothing behind it counts as not written. Unknown keys and keys written twice are refused, as are anchors,
  aliases, merge keys and tags, files over {MAX_BYTES // 1024} KB and nesting deeper than {MAX_DEPTH}.

## How `extends` merges

An environment may name another, of this home or shipped. Lists append (an item that is there already is not
repeated), mappings merge key by key, single values replace. `title` and `description` are not taken over. A file of
the home wins over a shipped one of the same name, and may extend it by that very name.

## Editors

New files begin with a comment that names their JSON Schema, by a path from the file to `.workbench/schemas/` of the
home: editors with yaml-language-server complete and check keys, also offline. The same schemas are in `schemas/` of
the source.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRO]
    for kind, model in KINDS.items():
        schema = model.model_json_schema(by_alias=True)
        parts.append(f"## {kind.capitalize()}\n\n{schema['description']}\n")
        parts.append(f"```yaml\n{_EXAMPLES[kind]}```\n")
        parts.append("\n".join(["| key | value | meaning |", "|---|---|---|", *_rows(schema, schema, "")]) + "\n")
        if kind in _BELOW:
            below = _BELOW[kind].replace("@units@", f"{', '.join(f'{unit}s' for unit in UNITS[:-1])} and {UNITS[-1]}s")
            parts.append(below.replace("@examples@", "\n".join(_marks())))
    return "\n".join(parts)


def _marks() -> Iterator[str]:
    """Rows of what placeholders become, written by what the supervisor writes them with."""
    due = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    moments = Moments(due, now=due, previous=due.replace(day=1), run=41)
    for mark, meaning in _MARKS.items():
        stands_for = expanded({"x": mark}, moments)["x"]
        cell = mark.replace("|", "\\|")
        yield f"| `{cell}` | `{stands_for}` | {meaning} |"


def _rows(schema: dict[str, Any], root: dict[str, Any], above: str) -> Iterator[str]:
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        inner, form = _form(field, root)
        form = f"{form}, **required**" if name in required else form
        yield f"| `{above}{name}` | {form} | {_meaning(field)} |"
        if inner:
            yield from _rows(inner, root, f"{above}{name}{_steps(field)}.")


def _steps(field: dict[str, Any]) -> str:
    """What stands between a key and the keys below it: `[]` for those of each item, `.*` for those by any name."""
    if field.get("type") == "array":
        return "[]"
    below, steps = field.get("additionalProperties"), ""
    while isinstance(below, dict):
        below, steps = below.get("additionalProperties"), f"{steps}.*"
    return steps


def _form(field: dict[str, Any], root: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The mapping behind a field where it has known keys, and the field's form in words."""
    for choice in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        if "$ref" in choice:
            return root["$defs"][choice["$ref"].rpartition("/")[2]], "mapping"
        if choice.get("type") == "array":
            inner, form = _form(choice["items"], root)
            return inner, f"list of {_several(form)}"
        if "patternProperties" in choice:
            [(_, inner)] = choice["patternProperties"].items()
            _, form = _form(inner, root)
            return None, f"mapping of {choice['propertyNames']['x-form']}s to {form}{'s' * (form == 'mapping')}"
        if isinstance(below := choice.get("additionalProperties"), dict) and "propertyNames" in choice:
            inner, form = _form(below, root)
            if inner:
                words = form.replace("mapping", "mappings", 1)
                return inner, f"mapping of {choice['propertyNames']['x-form']}s to {words}"
        if "additionalProperties" in choice:
            return None, "mapping of names to text"
        if "x-form" in choice:
            return None, str(choice["x-form"])
    return None, "text"


def _several(form: str) -> str:
    """More than one of a form, in words: `list of addresses`, and `of the home` after what there are several of."""
    if form.startswith("`"):
        return form
    noun, of, rest = form.partition(" of ")
    return f"{noun}{'es' if noun.endswith('ss') else 's'}{of}{rest}"


def _meaning(field: dict[str, Any]) -> str:
    said = field.get("description", "")
    examples = [_shown(example) for example in field.get("examples", ())]
    if examples:
        said += f" As {', '.join(examples)}."
    default = field.get("default")
    if default not in (None, "", [], {}):
        said += f" Default: {_shown(default)}."
    return str(said).replace("|", "\\|")


def _shown(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
