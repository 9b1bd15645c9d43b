"""Known secrets left out of what a run puts out: its notebook, its log, its reason."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import vault
from workbench.errors import Refused
from workbench.execution.verdict import Verdict
from workbench.model.run import RunState
from workbench.redaction import HIDDEN, Redactor
from workbench.text import plural


class Redaction:
    """Hides what secrets hold as they are when the run begins, and counts how often."""

    def __init__(self, files: Iterable[Path]) -> None:
        try:
            values = list(vault.values({path.name: path for path in files}).values())
        except (OSError, UnicodeDecodeError, Refused):  # the engine refuses to start without it, and says so
            values = []
        self.redactor = Redactor(values) if values else None
        self.count = 0

    def redact(self, text: str) -> str:
        """`text` without them."""
        if self.redactor is None:
            return text
        hidden = self.redactor.redact(text)
        if hidden is not text and hidden != text:
            self.count += hidden.count(HIDDEN) - text.count(HIDDEN)
        return hidden

    def shown(self, text: str) -> tuple[str, str]:
        """What of a stream's `text` can be shown, and what waits for more because a secret may begin with it."""
        if self.redactor is None or not text:
            return text, ""
        hidden = self.redact(text)
        begun = self.redactor.begun(hidden)
        return hidden[: len(hidden) - begun], hidden[len(hidden) - begun :]

    def message(self, content: MutableMapping[str, Any]) -> None:
        """Hide them in the content of an output message, in place."""
        if self.redactor is None:
            return
        for key in ("text", "evalue", "traceback", "data", "metadata"):
            if key in content:
                content[key] = self._anything(content[key])

    def notebook(self, notebook: Any) -> None:
        """Hide what came in two pieces: a stream is whole only in the notebook."""
        if self.redactor is None or notebook is None:
            return
        for cell in notebook.cells:
            outputs = cell.get("outputs") or []
            for output in outputs:
                self.message(output)
            if any(map(self._streams, outputs, outputs[1:])):
                outputs[:] = self._joined(outputs)

    def _joined(self, outputs: Iterable[Any]) -> list[Any]:
        """Outputs of a cell; pieces of a stream one after the other become one where only together they hold a secret."""
        kept: list[Any] = []
        for output in outputs:
            if kept and self._streams(kept[-1], output):
                whole = kept[-1]["text"] + output["text"]
                hidden = self.redact(whole)
                if hidden != whole:
                    kept[-1]["text"] = hidden
                    continue
            kept.append(output)
        return kept

    @staticmethod
    def _streams(one: Any, other: Any) -> bool:
        return bool(one["output_type"] == other["output_type"] == "stream" and one["name"] == other["name"])

    def log(self, path: Path) -> None:
        """Hide in a finished log what came in two pieces. OSError where it cannot be written."""
        if self.redactor is None or not path.exists():
            return
        text = path.read_text(encoding="utf-8", errors="replace")
        hidden = self.redact(text)
        if hidden != text:
            path.write_text(hidden, encoding="utf-8")

    def verdict(self, verdict: Verdict) -> Verdict:
        """How it ended, without them; a success tells that they were there."""
        if self.redactor is None:
            return verdict
        failure = verdict.failure
        if failure:
            failure = replace(
                failure,
                message=self.redact(failure.message),
                source=self.redact(failure.source),
                traceback=self.redact(failure.traceback),
            )
        reason = self.redact(verdict.reason)
        if not reason and self.count and verdict.state is RunState.SUCCEEDED:
            reason = f"it put out a secret {plural(self.count, 'time')}, left out of what is kept"
        return replace(verdict, reason=reason, failure=failure)

    def _anything(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self._anything(one) for one in value]
        if isinstance(value, dict):
            return type(value)({self._anything(key): self._anything(one) for key, one in value.items()})
        return value
