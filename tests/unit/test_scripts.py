"""Scripts as notebooks: their cells, parameters, language, and the lines that errors name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.declare import load_schedule
from workbench.errors import Refused
from workbench.notebooks import script
from workbench.notebooks.document import Document, read
from workbench.notebooks.parameters import parameters_of
from workbench.services import projects
from workbench.services.bench import open_bench

PERCENT = """\
#!/usr/bin/env python
# %% [markdown]
# # Load

# %% tags=["parameters"]
days: int = 3

# %%
# %matplotlib inline
x = days

# %%
def f():
    return 1 / 0

f()
"""
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: light
#   kernelspec:
#     display_name: Own
#     language: python
#     name: own
# ---

# + tags=["parameters"]
rows = 10

# +
print(rows)
"""


def document(folder: Path, name: str, text: str) -> Document:
    """The script read from a file."""
    (folder / name).write_text(text)
    return read(folder / name)


def sources(document: Document) -> list[str]:
    """Its cells of code."""
    return [str(cell["source"]) for cell in document.cells if cell["cell_type"] == "code"]


def test_percent_cells_are_cells(tmp_path: Path) -> None:
    """Tags, magics and text are as jupytext reads them; each cell knows its line; the hash is the file's."""
    found = document(tmp_path, "load.py", PERCENT)
    assert sources(found) == ["days: int = 3", "%matplotlib inline\nx = days", "def f():\n    return 1 / 0\n\nf()"]
    assert parameters_of(found).names == ("days",)
    lines = [cell["metadata"].get("workbench", {}).get("line") for cell in found.cells if cell["cell_type"] == "code"]
    assert lines == [6, 9, 13]
    assert (found.language, found.kernel) == ("python", "")
    assert found.original == PERCENT.encode()
    assert read(tmp_path / "load.py").content == found.content


def test_a_header_says_format_and_kernel(tmp_path: Path) -> None:
    """Light cells of a file with jupytext's header, with the kernel it names; nothing in the notebook pairs it with a file."""
    found = document(tmp_path, "load.py", HEADER)
    assert sources(found) == ["rows = 10", "print(rows)"]
    assert found.kernel == "own"
    assert "jupytext" not in found.metadata


@pytest.mark.parametrize(("name", "language"), [("load.py", "python"), ("load.R", "R"), ("load.r", "R")])
def test_a_plain_script_is_one_cell(tmp_path: Path, name: str, language: str) -> None:
    """Blank lines do not part it, and it has no parameters."""
    found = document(tmp_path, name, "#!/usr/bin/env x\nx = 1\n\n\ny = 2\n")
    assert sources(found) == ["\nx = 1\n\n\ny = 2"]
    assert found.language == language
    assert not parameters_of(found).has_cell


@pytest.mark.parametrize(
    ("name", "text", "language", "code"),
    [
        ("a.R", '# %% tags=["parameters"]\nx <- 1\n# %%\nprint(x)\n', "R", ["x <- 1", "print(x)"]),
        ("a.Rmd", "Text\n\n```{r tags=c('parameters')}\nx <- 1\n```\n", "R", ["x <- 1"]),
        ("a.md", '# Hi\n\n```python tags=["parameters"]\nx = 1\n```\n\ntext\n', "python", ["x = 1"]),
    ],
)
def test_other_texts(tmp_path: Path, name: str, text: str, language: str, code: list[str]) -> None:
    """R in percent cells and R Markdown, and Markdown with code."""
    found = document(tmp_path, name, text)
    assert sources(found) == code
    assert found.language == language
    assert parameters_of(found).has_cell


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.py", b"", "no code"),
        ("a.md", b"# only text\n", "no code"),
        ("a.py", b"x = 1\ny = '\xff'\n", "line 2"),
        ("a.py", b"#" * (script.LARGEST + 1), "limit"),
    ],
)
def test_what_cannot_run_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """With what is wrong and where."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Refused, match=words):
        read(tmp_path / name)


def test_errors_name_the_line_of_the_script(tmp_path: Path) -> None:
    """Of Python's tracebacks the line itself, in each of their frames; of others where the cell begins."""
    found = document(tmp_path, "load.py", PERCENT)
    data = json.loads(found.content)
    for count, cell in enumerate((cell for cell in data["cells"] if cell["cell_type"] == "code"), 1):
        cell["execution_count"] = count
    number = len(data["cells"])
    told = "Cell In[3], line 4\nCell In[3], line 2, in f()\nZeroDivisionError"
    assert script.line_of(data, number, told) == (14, True)
    assert script.line_of(data, number, "no frames") == (13, False)
    assert script.placed(told, data, "load.py").splitlines()[:2] == ["load.py, line 16", "load.py, line 14, in f()"]


def test_only_scripts_that_say_so_are_listed(tmp_path: Path) -> None:
    """Percent cells or a header: modules and plain texts are not among a project's notebooks, but may be named."""
    bench = open_bench(tmp_path / "home")
    project = projects.create(bench, "churn")
    for path in project.path.rglob("*.ipynb"):
        path.unlink()
    for name, text in {
        "jobs/load.py": PERCENT, "jobs/light.py": HEADER, "jobs/module.py": "def f(): ...\n", "README.md": "# Hi\n",
        "paired.md": "---\njupyter:\n  kernelspec:\n    name: python3\n---\n\n```python\n1\n```\n",
        "clean.R": "# %%\nx <- 1\n",
    }.items():  # fmt: skip
        (project.path / name).parent.mkdir(exist_ok=True)
        (project.path / name).write_text(text)
    (project.path / "jobs/link.py").symlink_to("load.py")
    expected = ["clean.R", "jobs/light.py", "jobs/load.py", "paired.md"]
    assert projects.notebooks(bench, project) == expected
    (project.path / "jobs/light.py").write_text("x = 1\n")
    assert projects.notebooks(bench, project) == ["clean.R", "jobs/load.py", "paired.md"]
    bench.close()


@pytest.mark.parametrize(("said", "fits"), [("jobs/load.py", True), ("a.R", True), ("a.Rmd", True), ("a.txt", False)])
def test_schedules_take_scripts(said: str, fits: bool) -> None:
    """By the end of the name."""
    found = load_schedule(f"notebook: {said}\nevery: 1h\n", project="churn", name="x")
    assert (found.value is not None) is fits
