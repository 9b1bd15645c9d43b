"""What a command that runs a notebook asks for: `papermill IN OUT …` and `jupyter nbconvert --execute …`, option by option."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.errors import Refused
from workbench.model.delivery import NOTEBOOK, REPORT


@dataclass
class Asked:
    """A notebook that is run, with what its command says. `keys`: of the schedule's file, by path."""

    notebook: str = ""
    output: str = ""  # the file that it writes; empty for none
    what: str = NOTEBOOK
    values: list[tuple[str, str]] = field(default_factory=list)
    raw: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    yaml: list[str] = field(default_factory=list)
    base64: list[str] = field(default_factory=list)
    keys: dict[tuple[str, ...], Any] = field(default_factory=dict)
    bare: bool = False  # a report without code
    notes: list[str] = field(default_factory=list)  # what is left out, and why


_PAIRS = {"-p": "values", "--parameters": "values", "-r": "raw", "--parameters_raw": "raw"}
_LISTS = {
    "-f": "files", "--parameters_file": "files", "-y": "yaml", "--parameters_yaml": "yaml", "-b": "base64",
    "--parameters_base64": "base64",
}  # fmt: skip
_FLAGS = {
    "--progress-bar", "--no-progress-bar", "--log-output", "--no-log-output", "--request-save-on-cell-execute",
    "--no-request-save-on-cell-execute", "--inject-input-path", "--inject-output-path", "--inject-paths",
    "--report-mode", "--no-report-mode",
}  # fmt: skip
_DROPPED = {"--log-level", "--autosave-cell-every", "--stdout-file", "--stderr-file", "--language"}
_TOLD = {
    "-k": "kernel {}: the environment's kernel runs it",
    "--kernel": "kernel {}: the environment's kernel runs it",
    "--cwd": "--cwd {}: a notebook runs in its own folder",
    "--engine": "engine {}: workbench has its own",
}
_LIMITS = {"--execution-timeout": "cell", "--start-timeout": "start", "--start_timeout": "start"}
_VALUED = {
    "--to", "--output", "--output-dir", "--template", "--ExecutePreprocessor.timeout", "--ExecutePreprocessor.kernel_name",
}  # fmt: skip
_BARE = {"--no-input", "--TemplateExporter.exclude_input=True"}
_EXPORTS = {"notebook": NOTEBOOK, "html": REPORT}


class _Words:
    """The words of a command; options take theirs out of it."""

    def __init__(self, words: Sequence[str], known: Callable[[str], str]) -> None:
        self._rest = _separate(words)
        self._known = known

    def __iter__(self) -> Iterator[str]:
        while self._rest:
            yield self._rest.pop(0)

    def take(self, option: str) -> str:
        """The value of an option. Raises `Refused` where it has none, or nobody knows it yet."""
        if not self._rest:
            raise Refused(f"{option} lacks its value")
        return self._known(self._rest.pop(0))


def papermill(words: Sequence[str], known: Callable[[str], str]) -> Asked:
    """The words behind `papermill`. Raises `Refused` for what workbench does not do."""
    asked, places, given = Asked(), list[str](), _Words(words, known)
    for word in given:
        if word.startswith("-") and len(word) > 1:
            _of_papermill(asked, word, given.take)
        else:
            places.append(word)
    if not places:
        raise Refused("it names no notebook")
    asked.notebook = known(places[0])
    asked.output = known(places[1]) if len(places) > 1 else ""
    return asked


def _of_papermill(asked: Asked, option: str, take: Callable[[str], str]) -> None:
    if option in _PAIRS:
        getattr(asked, _PAIRS[option]).append((take(option), take(option)))
    elif option in _LISTS:
        getattr(asked, _LISTS[option]).append(take(option))
    elif option in _TOLD:
        asked.notes.append(_TOLD[option].format(take(option)))
    elif option in _LIMITS:
        asked.keys["timeout", _LIMITS[option]] = f"{_whole(option, take(option))}s"
    elif option in _DROPPED:
        take(option)
    elif option not in _FLAGS:
        raise Refused(f"{option} is no option of papermill that runs a notebook here")


def nbconvert(words: Sequence[str], known: Callable[[str], str]) -> Asked:
    """The words behind `jupyter nbconvert`. Raises `Refused` where they run no notebook."""
    places, given = list[str](), _Words(words, known)
    said, flags = dict[str, str](), set[str]()
    for word in given:
        if word in _VALUED:
            said[word] = given.take(word)
        elif word.startswith("-"):
            flags.add(word)
        else:
            places.append(known(word))
    if "--execute" not in flags:
        raise Refused("nbconvert without --execute runs no notebook")
    if len(places) != 1:
        raise Refused("it names no notebook" if not places else "it names several notebooks: a line for each")
    return _of_nbconvert(Asked(places[0]), said, flags)


def _of_nbconvert(asked: Asked, said: dict[str, str], flags: set[str]) -> Asked:
    form = said.get("--to", "notebook" if "--inplace" in flags else "html")
    asked.what = _EXPORTS.get(form, NOTEBOOK)
    if form not in _EXPORTS:
        asked.notes.append(f"--to {form}: workbench makes the notebook and an HTML report")
    elif "--inplace" in flags:
        asked.notes.append("--inplace: the notebook stays as it is, each run's output is in its own folder")
    else:
        asked.output = _converted(asked, said)
    asked.bare = asked.what == REPORT and bool(flags & _BARE)
    limit = said.get("--ExecutePreprocessor.timeout", "")
    if limit.isdigit() and int(limit) > 0:
        asked.keys["timeout", "cell"] = f"{int(limit)}s"
    if "--allow-errors" in flags:
        asked.notes.append("--allow-errors: a run stops at the first error; tag cells `raises-exception` to go on")
    return asked


def _converted(asked: Asked, said: dict[str, str]) -> str:
    """The file that nbconvert writes."""
    folder, _, name = asked.notebook.rpartition("/")
    end = ".html" if asked.what == REPORT else ".ipynb"
    stem = said.get("--output", name.removesuffix(".ipynb") + ("" if asked.what == REPORT else ".nbconvert"))
    place = said.get("--output-dir", folder)
    file = stem if stem.endswith(end) else stem + end
    return posixpath.join(place, file)


def _separate(words: Sequence[str]) -> list[str]:
    """`--to=html` as two words; single letters with their value, as click reads them."""
    found: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        found += [name, value] if equals and word.startswith("--") and not name.endswith("exclude_input") else [word]
    return found


def _whole(option: str, text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise Refused(f"{option} {text} is no number of seconds")
    return int(text)
