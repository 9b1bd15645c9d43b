"""Projects and the files that declarations name: what is read, and what is refused to be shown or followed."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from workbench.declare import Reading, load_environment, load_project
from workbench.declare.requirements import read_requirements
from workbench.model.environment import EnvironmentSpec
from workbench.model.project import Mount, Project


@pytest.fixture
def me(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the person, with keys in it."""
    home = tmp_path / "me"
    (home / ".ssh").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


def project(folder: Path, text: str, state: Path | None = None) -> Reading[Project]:
    """The project in `folder` with this `project.yaml`."""
    folder.mkdir(exist_ok=True)
    (folder / "project.yaml").write_text(text)
    return load_project(folder, name="sales", state=state)


def said(reading: Reading[Project] | Reading[EnvironmentSpec]) -> str:
    """All problems, a line each."""
    return "\n".join(str(problem) for problem in reading.problems)


def test_a_folder_is_a_project_without_any_file(tmp_path: Path) -> None:
    """Nothing declared: defaults; the name is the folder's."""
    (tmp_path / "sales").mkdir()
    assert load_project(tmp_path / "sales").get() == Project(name="sales", path=tmp_path / "sales")
    (tmp_path / "Sales 1").mkdir()
    assert "is no name for a project" in said(load_project(tmp_path / "Sales 1"))


def test_a_project_has_everything_it_says(tmp_path: Path, me: Path) -> None:
    """Folders are real ones, read-only unless said, under their own name or another."""
    (tmp_path / "w" / "Sales {x} 100%").mkdir(parents=True)
    (me / "out").mkdir()
    text = f"environment: sales\ndescription: d\ndata:\n  - {tmp_path}/w/Sales {{x}} 100%\n  - {{path: ~/out, as: o, write: true}}\n"
    found = project(tmp_path / "p", text).get()
    assert (found.environment, found.description) == ("sales", "d")
    assert found.data == (
        Mount(tmp_path / "w" / "Sales {x} 100%", "Sales {x} 100%"),
        Mount(me / "out", "o", write=True),
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "it is the whole machine"),
        ("relative", "is no absolute path"),
        ("../../etc", "is no absolute path"),
        ("/nowhere/at/all", "cannot be used: no such file"),
        ("~", "holds your home folder"),
        ("~/.ssh", "~/.ssh"),
        ("/etc", "belongs to the system"),
        ("/proc/self", "belongs to the system"),
        ("/dev", "belongs to the system"),
        ("~/file", "is not a folder"),
        ("~/keys", "(it leads to"),
        ("~/root", "it is the whole machine"),
        ("~/loop", "cannot be used"),
        ("~nobody-of-that-name/x", "is no absolute path"),
    ],
)
def test_folders_that_may_not_be_shown(tmp_path: Path, me: Path, path: str, expected: str) -> None:
    """The root, the home, keys, the system's folders, and links that lead to them; a missing one is a problem."""
    (me / "file").touch()
    (me / "keys").symlink_to(me / ".ssh")
    (me / "root").symlink_to("/")
    (me / "loop").symlink_to(me / "loop")
    reading = project(tmp_path / "p", f"data: ['{path}']\n")
    assert reading.value is None
    assert expected in said(reading)
    assert reading.problems[0].line == 1


def test_state_and_sockets_may_not_be_shown(tmp_path: Path, me: Path) -> None:
    """Neither the state of the workbench, nor what holds it, nor a service's socket."""
    state = tmp_path / "home" / ".workbench"
    (state / "runs").mkdir(parents=True)
    for path in (state, state / "runs", tmp_path / "home"):
        assert "state of this workbench" in said(project(tmp_path / "p", f"data: [{path}]\n", state))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(me / "d.sock"))
        assert "a socket gives the rights" in said(project(tmp_path / "p", "data: [~/d.sock]\n"))


def test_names_below_data_are_checked(tmp_path: Path, me: Path) -> None:
    """Two folders cannot be seen under one name, and a name is no path."""
    for name in ("a/x", "b/x"):
        (me / name).mkdir(parents=True)
    assert "two folders would be data/x" in said(project(tmp_path / "p", "data: [~/a/x, ~/b/x]\n"))
    for name in ("../x", "a/b", ".."):
        assert "no name of a folder" in said(project(tmp_path / "p", f"data: [{{path: ~/a/x, as: '{name}'}}]\n"))


@pytest.mark.parametrize(
    ("said_environment", "expected"),
    [
        ("../other.yaml", "leads out of the project"),
        ("/etc/passwd", "leads out of the project"),
        ("./link.yaml", "leads out of the project"),
        ("./none.yaml", "is not in the project"),
        ("./folder.yaml", "is not a file"),
        ("Upper", "is no name of an environment"),
    ],
)
def test_a_projects_own_environment_stays_in_it(tmp_path: Path, said_environment: str, expected: str) -> None:
    """Paths that leave it, through links too, are refused."""
    folder = tmp_path / "p"
    (folder / "folder.yaml").mkdir(parents=True)
    (tmp_path / "other.yaml").write_text("title: x\n")
    (folder / "link.yaml").symlink_to(tmp_path / "other.yaml")
    assert expected in said(project(folder, f"environment: {said_environment}\n"))


def test_a_projects_own_environment_has_the_projects_name(tmp_path: Path) -> None:
    """`./environment.yaml` is `<project>/environment.yaml` everywhere."""
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "environment.yaml").write_text("title: x\n")
    assert project(folder, "environment: ./environment.yaml\n").get().environment == "sales/environment.yaml"


@pytest.mark.parametrize("key", ["secrets: [X]", "descripton: x", "data: {a: b}"])
def test_keys_a_project_does_not_know(tmp_path: Path, key: str) -> None:
    """Later versions' keys are named as such; others are unknown."""
    assert said(project(tmp_path / "p", key + "\n"))


def test_requirements_are_read_as_pip_reads_them(tmp_path: Path) -> None:
    """Comments, blank lines, continued lines, hashes, an index, files that include each other."""
    (tmp_path / "requirements.txt").write_text(
        "# top\npandas>=2  # c\n\nnumpy \\\n  ==2.0 \\\n  --hash=sha256:ab \\\n  --hash=sha256:cd\n-r more/other.txt\n"
        "--index-url https://x.example/simple\n--extra-index-url https://y.example/simple\n-c bounds.txt\nname @ https://example.org/x#egg=y\n"
    )
    (tmp_path / "bounds.txt").write_text("numpy<3  # all of them\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "other.txt").write_text("-r ../requirements.txt\nscipy\n")
    found = read_requirements(tmp_path / "requirements.txt", tmp_path)
    assert found.problems == []
    assert found.lines == [
        "pandas>=2",
        "numpy ==2.0 --hash=sha256:ab --hash=sha256:cd",
        "scipy",
        "name @ https://example.org/x#egg=y",
    ]
    assert found.index == "https://x.example/simple"
    assert (found.extra_indexes, found.constraints) == (["https://y.example/simple"], ["numpy<3"])


def test_a_password_in_requirements_is_told_and_not_shown(tmp_path: Path) -> None:
    """In the address of an index, of an index in an included file, of a repository; a variable in its place is none."""
    (tmp_path / "requirements.txt").write_text(
        "--index-url https://me:hunter2@x.example/simple\n-r more.txt\nown @ git+https://tok@host.example/own.git\n"
        "--extra-index-url https://me:${PW}@z.example/simple\ngit+ssh://git@host.example/other.git#egg=other\n"
    )
    (tmp_path / "more.txt").write_text("--extra-index-url https://me:hunter2@y.example/simple\n")
    found = read_requirements(tmp_path / "requirements.txt", tmp_path)
    told = [(one.path.name, one.line, one.notice) for one in found.notices if "password" in one.message]
    assert told == [("requirements.txt", 1, True), ("more.txt", 1, True), ("requirements.txt", 3, True)]
    assert not any("hunter2" in one.described for one in found.notices)


def test_requirements_that_cannot_be_met_have_their_lines(tmp_path: Path) -> None:
    """Options of later versions, nonsense, includes that are missing or leave the folder; packages in folders are kept."""
    inner = tmp_path / "p"
    inner.mkdir()
    (tmp_path / "out.txt").write_text("x\n")
    path = inner / "requirements.txt"
    path.write_text("ok\n-e .\n--find-links x\n./local\n???\n-r none.txt\n-r ../out.txt\n-c c.txt\n")
    found = read_requirements(path, inner)
    assert found.lines == ["ok"]
    assert [problem.line for problem in found.problems] == [3, 5, 6, 7, 8]
    assert "leads out of the project" in found.problems[3].message
    assert found.local == [(".", "", path), ("./local", "", path)]
    assert "-e is read as a plain install" in found.notices[0].message


def test_an_environment_names_a_requirements_file(tmp_path: Path) -> None:
    """It is relative to the declaration; a missing one is told at the key that names it."""
    (tmp_path / "x.yaml").write_text("python:\n  packages: [a]\n  requirements: r.txt\n")
    missing = load_environment(tmp_path / "x.yaml")
    assert (missing.problems[0].path.name, missing.problems[0].line) == ("x.yaml", 3)
    (tmp_path / "r.txt").write_text("b\n-i https://x.example/simple\n")
    spec = load_environment(tmp_path / "x.yaml").get()
    assert spec.python
    assert (spec.python.packages, spec.python.requirements) == (("a", "b"), tmp_path / "r.txt")
    assert spec.python.index == "https://x.example/simple"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_a_problem(tmp_path: Path) -> None:
    """Not an error that ends a list."""
    (tmp_path / "project.yaml").write_text("description: x\n")
    (tmp_path / "project.yaml").chmod(0)
    assert "cannot be read" in said(load_project(tmp_path, name="sales"))
