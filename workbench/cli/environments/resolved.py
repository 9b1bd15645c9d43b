"""`environments show NAME --resolved`: every value and where it comes from."""

from __future__ import annotations

import re

from workbench.cli.invocation import Invocation
from workbench.cli.terminal.output import Cell, emit, record, table
from workbench.services.bench import Bench
from workbench.services.declared.resolved import DEFAULT, place, resolved

_HASHES = re.compile(r"(?: --hash=\S+)+")


def show(call: Invocation, bench: Bench, name: str) -> None:
    """Print them, declared ones in the order of the reference."""
    found = resolved(bench, name)
    if call.json:
        emit(
            {
                "name": found.name,
                "files": list(found.files),
                "values": [
                    {
                        "key": value.key, "value": value.value, "kind": value.kind, "from": value.origin,
                        "file": value.file, "line": value.line or None,
                    }
                    for value in found.values
                ],
            }
        )  # fmt: skip
        return
    if not call.quiet:
        join = " → " if found.values and all(one.kind != "standard file" for one in found.values) else ", "
        record([("environment", found.name), ("said by", join.join(place(bench, path, 0) for path in found.files))])
    table(
        call,
        ("KEY", "VALUE", "FROM"),
        [
            (value.key, _short(value.value), Cell(value.origin, "bright_black" if value.kind == DEFAULT else None))
            for value in found.values
        ],
        empty="It says nothing.",
        give=("VALUE",),
    )


def _short(value: str) -> str:
    """Without the hashes of a locked package, which are many to one; `--json` has them."""
    return _HASHES.sub(lambda found: f" ({found[0].count('--hash=')} hashes)", value).replace("(1 hashes)", "(1 hash)")
