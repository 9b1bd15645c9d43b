"""Projects: made, linked, found from a file, removed; nothing of a person's is overwritten or lost."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import Conflict, NotFound, Refused
from workbench.model.project import Project
from workbench.services import environments, projects
from workbench.services.bench import Bench, open_bench
from workbench.services.declared import standard
from workbench.store import events, runs, sessions

BAD_NAMES = [
    "../x",
    " ",
    "",
    ".",
    "..",
    "x" * 64,
    "é",
    "😀",
    "-rf",
    "[red]x",
    "a\nb",
    "A",
    "a/b",
    "a_b",
    "\x1b[31m",
    "a\0b",
]
ODD_FOLDER = "My {Data} 100% #1 'q' \"d\" e\u0301"


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An empty home, of a person whose own home is elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    opened = open_bench(tmp_path / "home")
    yield opened
    opened.close()


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    return subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True).stdout


def test_a_new_project_is_ready_to_work_in(bench: Bench) -> None:
    """Folders, a declaration that is read, a notebook with parameters, a repository that ignores runs."""
    project = projects.create(bench, "sales", description="By region")
    assert project == projects.get(bench, "sales")
    assert (project.path, project.linked, project.problem) == (bench.home.projects / "sales", False, "")
    assert project.description == "By region"
    assert {"project.yaml", "notebooks", "data", "schedules", ".gitignore", ".git"} == {
        entry.name for entry in project.path.iterdir()
    }
    assert projects.notebooks(bench, project) == ["notebooks/start.ipynb"]
    text = (project.path / "project.yaml").read_text()
    assert (project.path / text.splitlines()[0].partition("$schema=")[2]).resolve().is_file()
    (project.path / "runs").mkdir()
    (project.path / "runs" / "x").touch()
    assert "runs" not in git(project.path, "status", "--porcelain")
    with bench.store.read() as connection:
        assert [event.what for event in events.of(connection, "project", "sales")] == ["created"]


def test_the_starter_notebook_is_a_notebook_that_runs(bench: Bench) -> None:
    """Valid nbformat with a parameters cell; its code needs nothing but Python."""
    import nbformat

    path = projects.create(bench, "sales").path / "notebooks" / "start.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert [cell.metadata.get("tags") for cell in notebook.cells if cell.metadata.get("tags")] == [["parameters"]]
    exec("\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code"), {})
    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_outside_of_the_rule_are_refused(bench: Bench, name: str) -> None:
    """The rule is said, nothing is made, and the message is safe to show."""
    with pytest.raises(Refused) as caught:
        projects.create(bench, name)
    assert "lower-case letters, digits and hyphens" in caught.value.hint
    assert not set(caught.value.message) & set("\x1b\n\0")
    assert list(bench.home.projects.iterdir()) == []
    with pytest.raises(NotFound):
        projects.get(bench, name)


def test_nothing_is_overwritten(bench: Bench) -> None:
    """A project, a file, an empty folder or a broken link of that name stays as it is."""
    (bench.home.projects / "a").mkdir()
    (bench.home.projects / "b").touch()
    (bench.home.projects / "c").symlink_to("/nowhere")
    other = bench.home.root.parent / "other"
    other.mkdir()
    for name in "abc":
        with pytest.raises(Conflict):
            projects.create(bench, name)
        with pytest.raises(Conflict):
            projects.add(bench, other, name)
    assert list((bench.home.projects / "a").iterdir()) == []


def test_an_example_is_copied_with_its_schemas_found(bench: Bench) -> None:
    """Every declaration in the copy is read, and names a schema that is there."""
    for example in projects.examples():
        project = projects.create(bench, f"my-{example}", example=example)
        assert not project.problem
        assert projects.notebooks(bench, project)
        for path in (project.path / "project.yaml", *(project.path / "schedules").glob("*.yaml")):
            line = path.read_text().splitlines()[0]
            assert (path.parent / line.partition("$schema=")[2]).resolve().is_file()
    assert projects.examples()
    with pytest.raises(NotFound, match="example project"):
        projects.create(bench, "x", example="../environments")
    assert not (bench.home.projects / "x").exists()


def test_a_folder_in_a_repository_gets_none_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the home itself is in git, projects are part of it."""
    git(tmp_path, "init", "--quiet")
    opened = open_bench(tmp_path / "home")
    assert not (projects.create(opened, "a").path / ".git").exists()
    opened.close()


def test_without_git_a_project_is_made_all_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git is used where it is."""
    monkeypatch.setenv("PATH", "/nowhere")
    project = projects.create(bench, "a")
    assert not (project.path / ".git").exists()
    assert projects.git_state(project) == projects.GitState()


def test_a_folder_stays_where_it_is_and_is_a_project(bench: Bench, tmp_path: Path) -> None:
    """With any characters in its path; the name is made of it, files are found from it and through the link."""
    folder = tmp_path / ODD_FOLDER
    (folder / "nb {x}").mkdir(parents=True)
    (folder / "nb {x}" / "a %s.ipynb").touch()
    project = projects.add(bench, folder)
    assert (project.name, project.path, project.linked) == ("my-data-100-1-q-d-e", folder, True)
    assert projects.notebooks(bench, project) == ["nb {x}/a %s.ipynb"]
    assert projects.locate(bench, folder / "nb {x}" / "a %s.ipynb") == (project, "nb {x}/a %s.ipynb")
    through = bench.home.projects / project.name / "nb {x}" / "a %s.ipynb"
    assert projects.locate(bench, through) == (project, "nb {x}/a %s.ipynb")
    (folder / "requirements.txt").write_text("pandas\n")
    assert environments.for_project(bench, project).name == f"{project.name}/requirements.txt"
    found = standard.found(bench, project)
    assert (found.environment, found.given) == (
        f"{project.name}/requirements.txt",
        {"requirements.txt": "Python packages"},
    )


def test_what_cannot_be_added_says_why(bench: Bench, tmp_path: Path) -> None:
    """A file, nothing, the home, its state, the person's home, the root, a loop."""
    file = tmp_path / "file.txt"
    file.touch()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    cases = {
        file: "is a file",
        tmp_path / "none": "no such file",
        bench.home.root: "the home of workbench",
        bench.home.projects: "the home of workbench",
        bench.home.state: "its state",
        tmp_path: "the home of workbench",
        tmp_path / "me": "your whole home folder",
        Path("/"): "the home of workbench",
        loop: "cannot be added",
        Path("~nobody-of-that-name/x"): "no such file",
    }
    for path, expected in cases.items():
        with pytest.raises(Refused, match=expected):
            projects.add(bench, path)
    assert projects.listing(bench) == []


def test_a_folder_is_added_once(bench: Bench, tmp_path: Path) -> None:
    """Not by another name, not through a link, not a project of the home."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    projects.add(bench, folder)
    own = projects.create(bench, "own")
    for again in (folder, tmp_path / "link", own.path):
        with pytest.raises(Conflict, match="already"):
            projects.add(bench, again, "other")
    (tmp_path / "b" / "work").mkdir(parents=True)
    with pytest.raises(Conflict, match="there is a project work"):
        projects.add(bench, tmp_path / "b" / "work")
    assert projects.add(bench, tmp_path / "b" / "work", "work-2").name == "work-2"
    (tmp_path / "日本").mkdir()
    with pytest.raises(Refused, match="no name can be made"):
        projects.add(bench, tmp_path / "日本")


def test_every_folder_in_the_home_is_listed_with_what_is_wrong(bench: Bench, tmp_path: Path) -> None:
    """Without a declaration, with a bad one, with a bad name, a link that leads nowhere: none hides another."""
    for name in ("plain", "bad", "Bad Name", ".hidden"):
        (bench.home.projects / name).mkdir()
    (bench.home.projects / "bad" / "project.yaml").write_text("environment: [a]\ndescripton: x\n")
    (bench.home.projects / "README.md").touch()
    (bench.home.projects / "gone").symlink_to(tmp_path / "gone")
    (bench.home.projects / "loop").symlink_to("loop")
    found = {project.name: project.problem for project in projects.listing(bench)}
    assert list(found) == ["Bad Name", "bad", "gone", "loop", "plain"]
    assert found["plain"] == ""
    assert found["bad"].startswith("projects/bad/project.yaml:1:14: expected text, found a list (and 1 other problem)")
    assert "is no name for a project" in found["Bad Name"]
    assert "is not there" in found["gone"]
    assert found["loop"]
    lines = [str(problem) for problem in projects.problems(bench)]
    assert len(lines) == 5
    assert "projects/bad/project.yaml:2:1: unknown key 'descripton': did you mean 'description'?" in lines
    assert any(line.startswith("projects/gone: ") for line in lines)


def test_a_project_with_a_problem_runs_in_no_other_environment(bench: Bench) -> None:
    """The default never stands in for a declaration that cannot be read."""
    project = projects.create(bench, "a")
    (project.path / "project.yaml").write_text("enviroment: sales\n")
    with pytest.raises(Refused, match="did you mean 'environment'"):
        environments.for_project(bench, projects.get(bench, "a"))


def test_files_outside_of_all_projects_are_in_none(bench: Bench, tmp_path: Path) -> None:
    """The hint says how to make their folder one; a nested project wins over the one around it."""
    (tmp_path / "a.ipynb").write_text("{}")
    with pytest.raises(NotFound) as caught:
        projects.locate(bench, tmp_path / "a.ipynb")
    assert caught.value.hint == f"Make its folder one: workbench projects add {tmp_path}"
    outer = tmp_path / "outer"
    (outer / "inner").mkdir(parents=True)
    projects.add(bench, outer)
    projects.add(bench, outer / "inner")
    (outer / "inner" / "a.ipynb").write_text("{}")
    assert projects.locate(bench, outer / "inner" / "a.ipynb")[0].name == "inner"
    assert projects.locate(bench, outer) == (projects.get(bench, "outer"), ".")


def test_links_that_lead_to_themselves_are_no_notebooks(bench: Bench) -> None:
    """They hide none of the others, and what is not there is told with the nearest where there are many."""
    project = projects.create(bench, "churn")
    folder = project.path / "notebooks"
    (folder / "loop.ipynb").symlink_to("loop.ipynb")
    (folder / "loop.py").symlink_to("loop.py")
    (folder / "gone.ipynb").symlink_to("nowhere.ipynb")
    assert projects.notebooks(bench, project) == ["notebooks/start.ipynb"]
    for number in range(20):
        (folder / f"a{number}.ipynb").write_text("{}")
    hints = [
        projects.notebooks_hint(bench, project, f"churn/{name}")
        for name in ("notebook/start.ipynb", "notebooks/strat.ipynb")
    ]
    assert hints == ["Did you mean churn/notebooks/start.ipynb?"] * 2
    assert projects.notebooks_hint(bench, project, "churn/zzz").startswith("There are: churn/notebooks/a0.ipynb, ")


def test_a_file_is_found_from_a_working_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths and `..` are those of the shell."""
    project = projects.create(bench, "a")
    monkeypatch.chdir(project.path / "data")
    assert projects.locate(bench, Path("../notebooks/start.ipynb")) == (project, "notebooks/start.ipynb")


@pytest.mark.parametrize("below", [".", "churn"])
def test_a_file_that_is_not_there_is_no_folder_to_add(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    """A slip in a notebook's name is told with the notebooks of the project, or the projects, that there are."""
    project = projects.create(bench, "churn")
    monkeypatch.chdir(tmp_path if below == "." else project.path)
    asked = "churn/notebooks/report.ipynb" if below == "." else "notebooks/report.ipynb"
    with pytest.raises(NotFound) as caught:
        projects.locate(bench, Path(asked))
    assert caught.value.message == f"no notebook named {asked!r}"
    assert caught.value.hint == "There are: churn/notebooks/start.ipynb"
    with pytest.raises(NotFound) as caught:
        projects.locate(bench, Path("chrun/notebooks/start.ipynb"))
    assert "projects add" not in caught.value.hint
    assert below != "." or caught.value.hint.endswith("Projects: churn")
    with pytest.raises(NotFound, match="no file named"):
        projects.locate(bench, tmp_path / "nothing")


def test_notebooks_are_those_a_person_wrote(bench: Bench) -> None:
    """Checkpoints, published runs, venvs and links to folders are passed over."""
    project = projects.create(bench, "a")
    for name in (".ipynb_checkpoints", "runs/1", "venv/lib", "node_modules", "deep/er"):
        (project.path / name).mkdir(parents=True)
        (project.path / name / "x.ipynb").touch()
    (project.path / "venv" / "pyvenv.cfg").touch()
    (project.path / "loop").symlink_to(project.path)
    assert projects.notebooks(bench, "a") == ["deep/er/x.ipynb", "notebooks/start.ipynb"]


def test_removing_a_link_leaves_the_folder(bench: Bench, tmp_path: Path) -> None:
    """Also with delete_files, and also where the folder is gone."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "x.ipynb").touch()
    for delete in (False, True):
        projects.add(bench, folder)
        assert projects.remove(bench, "work", delete_files=delete) is None
        assert (folder / "x.ipynb").exists()
    projects.add(bench, folder)
    (folder / "x.ipynb").unlink()
    folder.rmdir()
    projects.remove(bench, "work")
    assert projects.listing(bench) == []


def test_files_of_the_home_are_moved_only_when_asked(bench: Bench) -> None:
    """They are kept in the state, and where is said."""
    projects.create(bench, "a")
    with pytest.raises(Refused, match="has its files in the home"):
        projects.remove(bench, "a")
    kept = projects.remove(bench, "a", delete_files=True)
    assert kept
    assert (kept / "notebooks" / "start.ipynb").exists()
    assert projects.listing(bench) == []
    assert projects.create(bench, "a").name == "a"


def test_a_project_at_work_is_not_removed(bench: Bench, tmp_path: Path) -> None:
    """Runs that are not over and sessions that are up hold it."""
    projects.create(bench, "a")
    with bench.store.write() as connection:
        run = runs.insert(
            connection, project="a", notebook="n.ipynb", name="n", environment="python", parameters={}, cells=1,
            created=bench.now(), actor=bench.actor, schedule=None, due=None, timeout=None, retries=0, record={},
        )  # fmt: skip
    with pytest.raises(Conflict, match=f"run {run} of a is queued"):
        projects.remove(bench, "a", delete_files=True)
    assert projects.get(bench, "a").problem == ""
    projects.create(bench, "b")
    with bench.store.write() as connection:
        sessions.insert(
            connection, name="b-jupyter", project="b", ide="jupyter", environment="python", file="",
            at=bench.now(), actor=bench.actor,
        )  # fmt: skip
    with pytest.raises(Conflict, match="session b-jupyter of b is queued"):
        projects.remove(bench, "b", delete_files=True)


def test_the_state_of_the_repository(bench: Bench) -> None:
    """Commit, branch and dirtiness; published runs do not count, a folder outside of git has none."""
    project = projects.create(bench, "a")
    first = projects.git_state(project)
    assert (first.commit, first.dirty) == (None, True)
    git(project.path, "checkout", "-q", "-b", "topic")
    git(project.path, "add", ".")
    git(project.path, "commit", "-q", "-m", "x")
    commit = git(project.path, "rev-parse", "HEAD").strip()
    (project.path / ".gitignore").write_text("")
    git(project.path, "commit", "-q", "-a", "-m", "y")
    commit = git(project.path, "rev-parse", "HEAD").strip()
    (project.path / "runs").mkdir()
    (project.path / "runs" / "x").touch()
    assert projects.git_state(project) == projects.GitState(commit, "topic", dirty=False)
    (project.path / "new é.txt").touch()
    assert projects.git_state(project).dirty is True
    git(project.path, "checkout", "-q", "--detach")
    assert projects.git_state(project).branch is None


def test_asking_for_the_state_runs_nothing_and_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    """A file-watching hook that a repository names is not run, and the index is not rewritten."""
    project = projects.create(bench, "a")
    mark = tmp_path / "ran"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    git(project.path, "add", ".")
    git(project.path, "config", "core.fsmonitor", str(hook))
    mark.unlink(missing_ok=True)
    index = project.path / ".git" / "index"
    os.utime(project.path / "project.yaml")
    before = index.read_bytes()
    assert projects.git_state(project).branch
    assert not mark.exists()
    assert index.read_bytes() == before


@pytest.mark.parametrize("kind", ["clean", "process"])
def test_no_filter_of_a_repository_is_run(bench: Bench, tmp_path: Path, kind: str) -> None:
    """Asking for the state starts no program that the repository's configuration names for the contents of files."""
    project = projects.create(bench, "a")
    mark = tmp_path / "ran"
    git(project.path, "add", ".")
    git(project.path, "commit", "-q", "-m", "x")
    (project.path / ".git" / "info").mkdir(exist_ok=True)
    (project.path / ".git" / "info" / "attributes").write_text('* filter=Own."kind"\n')
    git(project.path, "config", f'filter.Own."kind".{kind}', f"touch {mark}; cat")
    git(project.path, "config", 'filter.Own."kind".required', "true")
    os.utime(project.path / "project.yaml")
    subprocess.run(["git", "-C", project.path, "status"], capture_output=True)
    assert mark.exists(), "the filter works"
    mark.unlink()
    os.utime(project.path / "project.yaml", (1, 1))
    assert projects.git_state(project).branch
    assert not mark.exists()
    git(project.path, "config", f"filter.a=b.{kind}", f"touch {mark}; cat")
    assert projects.git_state(project) == projects.GitState()
    assert not mark.exists()


def test_nothing_is_fetched_for_the_state(bench: Bench, tmp_path: Path) -> None:
    """Where a repository lacks objects, the command that it names for getting them is not run."""
    project = projects.create(bench, "a")
    mark = tmp_path / "ran"
    git(project.path, "add", ".")
    git(project.path, "commit", "-q", "-m", "x")
    tree = git(project.path, "rev-parse", "HEAD^{tree}").strip()
    (project.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": "ssh://nowhere/x",
        "core.sshCommand": f"touch {mark}; false",
        "protocol.ssh.allow": "always",
    }.items():
        git(project.path, "config", key, value)
    subprocess.run(["git", "-C", project.path, "status"], capture_output=True)
    assert mark.exists(), "the command works"
    mark.unlink()
    projects.git_state(project)
    assert not mark.exists()


def test_a_git_of_another_folder_has_no_say(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIT_DIR of the person's shell is about another repository."""
    project = projects.create(bench, "a")
    monkeypatch.setenv("GIT_DIR", str(bench.home.root / "elsewhere"))
    assert projects.git_state(project).dirty is True


def test_a_git_that_hangs_is_given_up(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository on a slow disk does not hold a run up."""
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("workbench.services.code.git.PATIENCE", 0.2)
    assert projects.git_state(Project("a", tmp_path)) == projects.GitState()
