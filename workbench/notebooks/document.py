"""A notebook as it is read: whether a file is one, which kernel it asks for, and the exact bytes that will run."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.enclosure import opened, real
from workbench.errors import Refused
from workbench.model.notebook import is_text
from workbench.text import one_line, plural, size

LARGEST = 256_000_000  # bytes; beyond, memory for one copy of it as objects passes 1 GB
LARGE = 50_000_000
MOST_CELLS = 50_000
MANY_CELLS = 5_000


@dataclass(frozen=True)
class Document:
    """A notebook as it was read. `content` are the file's bytes, never rewritten, or those of the notebook that a script is; `data` the parsed JSON of version 4.

    `kernel` and `language` are what its metadata asks for, empty where it says nothing. `warnings` are sentences for
    people: the notebook can be run all the same.
    """

    title: str
    content: bytes = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    warnings: tuple[str, ...] = ()
    original: bytes | None = field(default=None, repr=False)  # of a script: what is in its file

    @property
    def sha256(self) -> str:
        """64 hex digits of the file's bytes."""
        return hashlib.sha256(self.content if self.original is None else self.original).hexdigest()

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The notebook's metadata, empty where there is none."""
        found = self.data.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def kernel(self) -> str:
        """The kernel's name that the notebook asks for."""
        return _text_of(self.metadata.get("kernelspec"), "name")

    @property
    def language(self) -> str:
        """The language that the notebook says it is in, as nbformat spells it (`python`, `R`)."""
        return (
            _text_of(self.metadata.get("language_info"), "name")
            or _text_of(self.metadata.get("kernelspec"), "language")
            or {"ir": "R", "python3": "python", "python2": "python"}.get(self.kernel, "")
        )

    @property
    def cells(self) -> list[Mapping[str, Any]]:
        """All cells, in order."""
        return list(self.data["cells"])

    def tagged(self, tag: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Cells with `tag`, each with its index from 0."""
        for index, cell in enumerate(self.cells):
            tags = cell.get("metadata", {}).get("tags") or ()
            if tag in tags:
                yield index, cell

    def node(self) -> Any:
        """A copy as an nbformat `NotebookNode` of version 4, whole enough to be run: ids are added to the copy only."""
        import nbformat

        library: Any = nbformat
        node = library.v4.upgrade(library.from_dict(json.loads(json.dumps(self.data))))
        seen: set[str] = set()
        for cell in node.cells:
            if not isinstance(cell.get("id"), str) or cell.id in seen:
                cell["id"] = library.v4.nbbase.random_cell_id()
            seen.add(cell.id)
        return node


def written(node: Any) -> bytes:
    """A `NotebookNode` as nbformat writes it into a file."""
    import nbformat

    library: Any = nbformat
    return encoded(library.v4.writes(node))


def encoded(text: str) -> bytes:
    """What nbformat writes, as it is in a file."""
    return (text if text.endswith("\n") else text + "\n").encode("utf-8", "replace")


def rehearse() -> None:
    """Have nbformat make what it makes at its first use: its rules for each kind of output."""
    import nbformat

    library: Any = nbformat
    for kind in ("stream", "display_data", "execute_result", "error"):
        library.v4.new_output(kind)


def read(path: Path, *, title: str = "", root: Path | None = None) -> Document:
    """The notebook at `path`; `Refused` with what is wrong and where. `title` names it in messages; with `root` only what
    lies in that folder is read, whatever is put in its place meanwhile."""
    title = title or str(path)
    try:
        descriptor = (
            opened(root, real(root, path)) if root else os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        )
    except FileNotFoundError:
        raise Refused("there is no such notebook", title=title) from None
    except ValueError:
        raise Refused(f"it leads out of {root}", title=title) from None
    except OSError as error:
        raise Refused(f"the notebook cannot be read: {error.strerror}", title=title) from error
    try:
        facts = os.fstat(descriptor)
        length = facts.st_size
        if not stat.S_ISREG(facts.st_mode):
            raise Refused("the notebook cannot be read: it is no file", title=title)
        if length > LARGEST:
            raise Refused(
                f"the notebook is {size(length)}; the limit is {size(LARGEST)}",
                title=title,
                hint="Clear its outputs: jupyter nbconvert --clear-output --inplace NOTEBOOK",
            )
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read()
    except OSError as error:
        raise Refused(f"the notebook cannot be read: {error.strerror}", title=title) from error
    finally:
        os.close(descriptor)
    return of_file(content, path.name, title=title)


def of_file(content: bytes, name: str, *, title: str) -> Document:
    """What is in the file `name` as a notebook, scripts too; `Refused` where it is none."""
    if not is_text(name):
        return parse(content, title=title)
    from workbench.notebooks import script

    document = parse(script.content_of(content, name, title=title), title=title)
    return replace(document, original=content)


def parse(content: bytes, *, title: str) -> Document:
    """`content` as a notebook; `Refused` where it is none, naming the line."""
    data = _load(content, title)
    if not isinstance(data, dict):
        kind = "a JSON array" if isinstance(data, list) else "a single JSON value"
        raise _not_one(f"line 1: it holds {kind}, not a notebook", title)
    version = data.get("nbformat")
    if not isinstance(version, int):
        raise _not_one("it is JSON, but has no `nbformat`", title)
    if version > 4:
        raise Refused(f"it is of notebook format {version}; 4 is the newest known", title=title)
    if version < 4:
        data = _converted(data, title)
    _check_cells(data, title)
    return Document(title, content, data, tuple(_remarks(content, data)))


def _refuse_other_kinds(content: bytes, title: str) -> None:
    """What people save or fetch in place of a notebook."""
    start = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise _not_one("the file is empty", title)
    if start.startswith(b"version https://git-lfs"):
        raise _not_one("it is a pointer of Git LFS, not the file itself", title, hint="Fetch it: git lfs pull")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _not_one("it is UTF-16 text, and notebooks are UTF-8", title, hint="Save it anew as UTF-8.")
    if start.startswith(b"<") and not start.startswith(b"<<<<<<<"):
        raise _not_one("line 1: it holds HTML, not a notebook", title, hint="Download the raw .ipynb file.")


def _load(content: bytes, title: str) -> Any:
    _refuse_other_kinds(content, title)
    try:
        return json.loads(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _not_one(f"line {line}: it is not UTF-8 text", title) from None
    except RecursionError:
        raise _not_one("it is nested too deeply", title) from None
    except json.JSONDecodeError as error:
        lines = error.doc.split("\n")
        for number, text in enumerate(lines, 1):
            if text.startswith(("<<<<<<< ", ">>>>>>> ")):
                problem = f"line {number}: a merge conflict is not resolved: {one_line(text, 60)}"
                raise _not_one(problem, title) from None
        place = f"line {error.lineno}, column {error.colno}"
        if not error.doc[error.pos :].strip() or "Unterminated" in error.msg:
            last = len(error.doc.rstrip().split("\n"))
            raise _not_one(
                f"line {last}: the file ends in the middle; it was cut off", title, hint="Copy or save it anew."
            ) from None
        raise _not_one(f"{place}: {error.msg.lower()}: {one_line(lines[error.lineno - 1], 60)}", title) from None
    except ValueError as error:  # a number of more digits than Python reads
        raise _not_one(f"it holds a number that is too long: {one_line(str(error), 100)}", title) from None


def _converted(data: dict[str, Any], title: str) -> dict[str, Any]:
    import nbformat

    library: Any = nbformat
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old = library.reads(json.dumps(data), as_version=4)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"it is of notebook format {data.get('nbformat')} and cannot be converted: {error}"
        raise _not_one(problem, title) from error
    result: dict[str, Any] = json.loads(json.dumps(old))
    return result


def _check_cells(data: dict[str, Any], title: str) -> None:
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise _not_one("it has no list of cells", title)
    if len(cells) > MOST_CELLS:
        raise Refused(f"it has {len(cells)} cells; the limit is {MOST_CELLS}", title=title)
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            raise _not_one(f"cell {number} is not a cell: it has no `cell_type`", title)
        source = cell.get("source")
        lines: list[Any] = source if isinstance(source, list) else [source]
        if not all(isinstance(line, str) for line in lines):
            raise _not_one(f"cell {number} has no `source` of text", title)
        cell["source"] = "".join(lines)
        if not isinstance(cell.get("metadata"), dict):
            cell["metadata"] = {}
        if not isinstance(cell["metadata"].get("tags", []), list):
            raise _not_one(f"cell {number}: its `tags` are no list", title)
        if cell["cell_type"] == "code":
            cell["outputs"] = cell.get("outputs") if isinstance(cell.get("outputs"), list) else []
            cell.setdefault("execution_count", None)
    if not isinstance(data.get("metadata"), dict):
        data["metadata"] = {}
    data.setdefault("nbformat_minor", 4)


def _remarks(content: bytes, data: Mapping[str, Any]) -> Iterator[str]:
    if len(content) > LARGE:
        yield f"the notebook is {size(len(content))}: clearing its outputs makes it quicker"
    count = len(data["cells"])
    if count > MANY_CELLS:
        yield f"the notebook has {plural(count, 'cell')}"
    tags = [tag for cell in data["cells"] for tag in cell["metadata"].get("tags", ())]
    if "injected-parameters" in tags:
        yield "it is itself the output of a run: its injected parameters will be replaced"
    if tags.count("parameters") > 1:
        yield "several cells are tagged `parameters`: only the first counts"


def _text_of(part: Any, key: str) -> str:
    value = part.get(key) if isinstance(part, dict) else None
    return value if isinstance(value, str) else ""


def _not_one(message: str, title: str, *, hint: str = "") -> Refused:
    return Refused(f"not a notebook: {message}", title=title, hint=hint)
